"""Emotion labels and transcriptions of IEMOCAP's dialogs."""

import re
from pathlib import Path
from typing import NamedTuple

from espnet_ext.corpora.tables import find_child, plain_text, visible_files
from espnet_ext.utils.errors import UserError

EMOTIONS = {
    "ang": "angry", "dis": "disgusted", "exc": "excited", "fea": "fearful", "fru": "frustrated", "hap": "happy",
    "neu": "neutral", "sad": "sad", "sur": "surprised", "oth": "other", "xxx": "",
}  # fmt: skip

# [6.2901 - 8.2357]	Ses01F_impro01_F000	neu	[2.5000, 2.5000, 2.5000]
_SUMMARY = re.compile(
    r"\[[\d.]+ *- *[\d.]+\]\s+(?P<turn>\S+)\s+(?P<emotion>\S+)\s+"
    r"\[(?P<valence>[\d.]+), *(?P<activation>[\d.]+), *(?P<dominance>[\d.]+)\]"
)
# The letter of the dialog (Ses01F) marks the actor with motion capture; that of the turn marks the speaker.
_TURN = re.compile(r"(?P<dialog>Ses0(?P<session>[1-5])[FM]_(?:impro|script)\w+)_(?P<gender>[FM])\d{3}")
# Ses01F_impro01_F000 [006.2901-008.2357]: Excuse me.
_TRANSCRIPTION = re.compile(r"(?P<turn>Ses\S+) +\[[-\d. ]+\]: *(?P<text>.*)")
_MARKER = re.compile(r"\[[A-Z ]+\]|\+\+[A-Z ]+\+\+")  # [LAUGHTER]


class Turn(NamedTuple):
    """Evaluation of one turn of a dialog.

    Attributes:
        gender: of the speaker, "F" or "M".
        emotion: of EMOTIONS; "" where the evaluators disagree.
        dimensions: valence, activation and dominance, 1 to 5.
    """

    name: str
    dialog: str
    session: str
    gender: str
    emotion: str
    dimensions: dict[str, str]


def read_evaluation(path: Path) -> list[Turn]:
    """The turns of dialog/EmoEvaluation/<dialog>.txt: its summary lines, those that start with times.

    Raises:
        UserError: a line is not a summary of a turn of this dialog, or has an unknown emotion; the message names it.
    """
    turns = []
    for number, line in enumerate(_read(path).split("\n"), 1):
        if not line.startswith("["):  # a heading, or one evaluator's opinion
            continue
        match = _SUMMARY.fullmatch(line.strip())
        named = _TURN.fullmatch(match["turn"]) if match else None
        if match is None or named is None or named["dialog"].lower() != path.stem.lower():
            raise UserError(
                f"{path}:{number}: expected `[start - end] {path.stem}_F000 emotion [v, a, d]`, found "
                f"{line.strip()!r}; fetch the file again"
            )
        if match["emotion"] not in EMOTIONS:
            raise UserError(f"{path}:{number}: emotion {match['emotion']!r} is none of {', '.join(EMOTIONS)}")
        dimensions = {name: f"{float(match[name]):g}" for name in ("valence", "activation", "dominance")}
        emotion = EMOTIONS[match["emotion"]]
        turns.append(Turn(match["turn"], named["dialog"], named["session"], named["gender"], emotion, dimensions))
    return turns


def read_transcriptions(session: Path) -> dict[str, str]:
    """Turn -> words, of dialog/transcriptions/*.txt; noises and the directions between turns are removed."""
    texts = {}
    for path in visible_files(find_child(find_child(session, "dialog"), "transcriptions"), ".txt"):
        for line in _read(path).split("\n"):
            if match := _TRANSCRIPTION.fullmatch(line.strip()):
                text = plain_text(_MARKER.sub(" ", match["text"])).strip(" ,;")
                if any(character.isalnum() for character in text):
                    texts[match["turn"]] = text
    return texts


def _read(path: Path) -> str:
    raw = path.read_bytes()
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError:
        # The remarks of some evaluators.
        return raw.decode("cp1252", errors="replace")
