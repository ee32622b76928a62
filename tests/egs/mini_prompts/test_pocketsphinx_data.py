"""The transcripts of the pocketsphinx recordings."""

from pathlib import Path

import numpy as np
import pytest
import soundfile

from espnet_ext.utils.errors import UserError
from pocketsphinx_data import parse_pocketsphinx

DATA = "usr/share/pocketsphinx/test/data"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for name, transcript in (
        ("cards/001", "cards.transcription"),
        ("librivox/sense_64kb-0870", "transcription"),
    ):
        path = tmp_path / DATA / f"{name}.wav"
        path.parent.mkdir(parents=True)
        soundfile.write(path, np.zeros(800), 16000)
        (path.parent / transcript).write_text(f"<s> ten of  clubs </s> ({path.stem})\n")
    return tmp_path


def test_each_folder_is_a_speaker(root: Path) -> None:
    cards, librivox = parse_pocketsphinx(root)
    assert (cards.id, cards.speaker) == ("pocketsphinx_cards-001", "pocketsphinx_cards")
    assert (librivox.id, librivox.speaker) == ("pocketsphinx_librivox-0870", "pocketsphinx_librivox")
    assert (cards.text, cards.num_samples, cards.language) == ("ten of clubs", 800, "eng")


def test_the_error_names_a_malformed_line(root: Path) -> None:
    with open(root / DATA / "cards/cards.transcription", "a") as file:
        file.write("ten of clubs (002)\n")
    with pytest.raises(UserError, match=r"cards\.transcription:2: expected"):
        parse_pocketsphinx(root)


def test_the_error_names_a_missing_recording(root: Path) -> None:
    (root / DATA / "cards/001.wav").unlink()
    with pytest.raises(UserError, match=r"001\.wav: no such audio file"):
        parse_pocketsphinx(root)
