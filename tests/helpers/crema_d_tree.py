"""A tiny CREMA-D, laid out as on disk, with the traps of the real one."""

from pathlib import Path

from helpers.clips import write_audio
from helpers.emotional_tones import Say, make_tone

EMOTIONS = ("ANG", "DIS", "FEA", "HAP", "NEU", "SAD")
# Of IEO there are three levels; 1040, 1064 and 1076 are the actors with odd files.
ACTORS = {
    "1001": (51, "Male"), "1002": (21, "Female"), "1005": (29, "Male"), "1007": (38, "Female"),
    "1016": (61, "Male"), "1020": (61, "Female"), "1034": (74, "Male"), "1040": (42, "Male"),
    "1064": (53, "Male"), "1076": (25, "Female"),
}  # fmt: skip
FAULTY = ("1064_IEO_DIS_MD", "1076_MTI_SAD_XX")


def write_crema_d(root: Path, say: Say = make_tone) -> dict[str, int]:
    """Write `root/AudioWAV/*.wav` and `root/VideoDemographics.csv`.

    Traps: faulty files (one without a sample), a level that is cut, a name in another case, a double of macOS,
    another format next to the audio, quotes in the table.

    Returns:
        stem of every file that is to be read, in upper case -> samples.
    """
    written: dict[str, int] = {}
    for number, actor in enumerate(ACTORS):
        for order, emotion in enumerate(EMOTIONS):
            for take, spoken in enumerate(("DFA_{}_XX", "IEO_{}_HI")):
                stem = f"{actor}_{spoken.format(emotion)}"
                name = f"{stem}.wav"
                if stem == "1002_DFA_ANG_XX":
                    name = "1002_dfa_ang_xx.WAV"
                if stem == "1040_DFA_SAD_XX":
                    stem, name = "1040_ITH_SAD_X", "1040_ITH_SAD_X.wav"
                samples = say(number, order, take)
                write_audio(root / "AudioWAV" / name, samples)
                written[stem] = len(samples)
    for stem in FAULTY:
        write_audio(root / "AudioWAV" / f"{stem}.wav", say(0, 0, 0)[: 0 if "MTI" in stem else None])
    (root / "AudioWAV/._1001_DFA_ANG_XX.wav").write_bytes(b"\0\5\x16\7")
    (root / "AudioWAV/1001_DFA_ANG_XX.mp3").write_bytes(b"ID3")
    rows = [f'{actor},{age},"{sex}","Caucasian","Not Hispanic"' for actor, (age, sex) in ACTORS.items()]
    table = "\r\n".join(['"ActorID","Age","Sex","Race","Ethnicity"', *rows]) + "\r\n"
    (root / "VideoDemographics.csv").write_text(table, encoding="utf-8", newline="")
    return written
