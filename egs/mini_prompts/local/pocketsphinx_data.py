"""The recordings of Debian's pocketsphinx-testdata (BSD-2): two English voices at 16 kHz."""

import re
from pathlib import Path

from espnet_ext.audio.waveform import samples_at_16k
from espnet_ext.kaldi.utterances import Utterance
from espnet_ext.utils.errors import UserError

PACKAGE = "pocketsphinx-testdata"
# Folder below usr/share/pocketsphinx/test/data -> its transcript file. Other recordings there are
# single files of unknown speakers.
FOLDERS = {"cards": "cards.transcription", "librivox": "transcription"}
_LINE = re.compile(r"<s>(?P<text>.*)</s>\s*\((?P<name>\S+)\)")


def parse_pocketsphinx(root: Path) -> list[Utterance]:
    """Read both voices; each folder is one speaker.

    Args:
        root: the unpacked package.

    Raises:
        UserError: a transcript is missing, malformed (names the line), or lists a missing file.
    """
    utterances = []
    for folder, transcript in FOLDERS.items():
        path = root / "usr/share/pocketsphinx/test/data" / folder
        speaker = f"pocketsphinx_{folder}"
        for name, text in _read_transcript(path / transcript).items():
            audio = path / f"{name}.wav"
            # Only the ends of the names differ between the recordings of a folder.
            utterance = f"{speaker}-{name.rpartition('-')[2]}"
            utterances.append(Utterance(utterance, speaker, audio, samples_at_16k(audio), "eng", text=text))
    return utterances


def _read_transcript(path: Path) -> dict[str, str]:
    """Name -> text, of lines `<s> text </s> (name)`."""
    if not path.is_file():
        raise UserError(f"{path}: no such transcript; fetch the package again")
    texts = {}
    for number, raw in enumerate(path.read_bytes().split(b"\n"), 1):
        line = raw.decode("utf-8", errors="replace").strip()
        match = _LINE.fullmatch(line)
        if line and not match:
            raise UserError(f"{path}:{number}: expected `<s> text </s> (name)`, found {line!r}")
        if match:
            texts[match["name"]] = " ".join(match["text"].split())
    return texts
