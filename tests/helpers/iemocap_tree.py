"""A tiny IEMOCAP, laid out as on disk, with the traps of the real one."""

from pathlib import Path

from helpers.clips import write_audio
from helpers.emotional_tones import Say, make_tone

EMOTIONS = ("ang", "hap", "exc", "sad", "neu", "fru", "xxx", "oth")
DIALOGS = ("Ses0{}F_impro01", "Ses0{}M_script01_1b")


def write_iemocap(root: Path, say: Say = make_tone) -> dict[str, tuple[str, int]]:
    """Write sentences, evaluations and transcriptions of five sessions.

    In every dialog both actors speak in every emotion. Traps: opinions of single evaluators that start with other
    letters, with a remark that is not UTF-8, directions and overlapping turns among the transcriptions, noises
    within them, a turn of only noise, doubles of macOS, another folder of evaluations, audio that nobody evaluated.

    Returns:
        turn -> its emotion and samples.
    """
    written: dict[str, tuple[str, int]] = {}
    for session in range(1, 6):
        folder = root / f"Session{session}"
        for dialog in (pattern.format(session) for pattern in DIALOGS):
            evaluation = ["% [START_TIME - END_TIME] TURN_NAME EMOTION [V, A, D]", ""]
            transcription: list[str] = []
            for order, emotion in enumerate(EMOTIONS):
                for letter in "FM":
                    turn = f"{dialog}_{letter}{order:03d}"
                    samples = say(2 * session + (letter == "M"), order, dialog.endswith("b"))
                    write_audio(folder / "sentences/wav" / dialog / f"{turn}.wav", samples)
                    written[turn] = (emotion, len(samples))
                    evaluation += [
                        f"[{order}.2901 - {order}.9357]\t{turn}\t{emotion}\t[2.5000, {order % 5 + 1}.0000, 3.6667]",
                        "C-E2:\tNeutral;\t(na\xefve)",
                        "A-E3:\tval 3; act 2; dom  2;\t()",
                        "",
                    ]
                    words = "" if turn == "Ses01F_impro01_F000" else f"Well, {letter} is {emotion}. "
                    transcription.append(f"{turn} [00{order}.2901-00{order}.9357]: {words}[LAUGHTER]")
            transcription[1:1] = ["M: Yeah.", f"{dialog}_MXX0 [001.0000-002.0000]: [LAUGHTER], That's what they say."]
            _write_text(folder / f"dialog/EmoEvaluation/{dialog}.txt", evaluation, "latin-1")
            _write_text(folder / f"dialog/transcriptions/{dialog}.txt", transcription, "utf-8")
        (folder / f"dialog/EmoEvaluation/._{dialog}.txt").write_bytes(b"\0\5\x16\7")
        _write_text(folder / f"dialog/EmoEvaluation/Categorical/{dialog}_e1.txt", ["[1] not a summary"], "utf-8")
    write_audio(root / "Session1/sentences/wav/Ses01F_impro01/Ses01F_impro01_M999.wav", say(0, 0, 0))
    return written


def _write_text(path: Path, lines: list[str], encoding: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines) + "\n", encoding=encoding)
