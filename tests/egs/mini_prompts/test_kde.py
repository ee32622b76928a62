"""KDE's folders: copies, small folders, and languages that are in one set only."""

import hashlib
from pathlib import Path

import numpy as np
import pytest
import soundfile

from espnet_ext.kaldi.excluded import Exclusions
from espnet_ext.utils.errors import UserError
from kde import PACKAGES, ROOTS, KdeVoice, draw_test_voices, list_voices, parse_voices


def write_clips(root: Path, package: str, folder: str, count: int, seed: int) -> None:
    path = root / package / ROOTS[package] / folder
    path.mkdir(parents=True, exist_ok=True)
    generator = np.random.default_rng(seed)
    for number in range(count):
        soundfile.write(path / f"{number:02d}.wav", generator.normal(0, 0.1, 4800), 8000)


@pytest.fixture
def roots(tmp_path: Path) -> dict[str, Path]:
    write_clips(tmp_path, "klettres-data", "en_GB/alpha", 7, seed=1)
    write_clips(tmp_path, "klettres-data", "en_GB/syllab", 3, seed=2)
    write_clips(tmp_path, "klettres-data", "icons", 0, seed=3)
    write_clips(tmp_path, "ktuberling-data", "sr", 12, seed=4)
    write_clips(tmp_path, "ktuberling-data", "sr@latin", 12, seed=4)  # the same files again
    write_clips(tmp_path, "ktuberling-data", "fi", 9, seed=5)  # too few
    return {package: tmp_path / package for package in PACKAGES}


def test_copies_and_small_folders_are_excluded(roots: dict[str, Path]) -> None:
    excluded = Exclusions()
    voices = list_voices(roots, excluded)
    assert [(v.speaker, v.language, len(v.clips)) for v in voices] == [
        ("klettres_en_GB", "eng", 10),
        ("ktuberling_sr", "srp", 12),
    ]
    assert excluded.counts() == {"copy of another recording": 12, "fewer than 10 clips of the voice": 9}


def test_the_error_names_an_unknown_language(roots: dict[str, Path], tmp_path: Path) -> None:
    write_clips(tmp_path, "klettres-data", "xx", 10, seed=6)
    with pytest.raises(UserError, match="xx: unknown language 'xx'"):
        list_voices(roots, Exclusions())


def test_the_error_names_a_missing_package(roots: dict[str, Path], tmp_path: Path) -> None:
    with pytest.raises(UserError, match="klettres: no such folder; fetch klettres-data again"):
        list_voices(roots | {"klettres-data": tmp_path / "absent"}, Exclusions())


def test_complete_languages_are_drawn_until_there_are_enough_voices() -> None:
    languages = ["eng", "eng", "fra", "ita", "ita", "ita", "rus", "spa"]
    voices = [KdeVoice("p", f"v{n}", language, ()) for n, language in enumerate(languages)]
    order = sorted(set(languages), key=lambda language: hashlib.sha1(language.encode()).hexdigest())
    for wanted in range(1, 9):
        drawn = draw_test_voices(voices, wanted)
        sides = {language: {v.speaker in drawn for v in voices if v.language == language} for language in order}
        assert all(len(side) == 1 for side in sides.values())
        assert len(drawn) >= wanted
        chosen = [language for language in order if sides[language] == {True}]
        assert chosen == order[: len(chosen)]
        # Without the last language there would be too few.
        assert len(drawn) - languages.count(chosen[-1]) < wanted


def test_chunks_become_utterances_and_old_folders_are_removed(roots: dict[str, Path], tmp_path: Path) -> None:
    voices = list_voices(roots, Exclusions())
    (tmp_path / "chunks/klettres_en_GB-oldhash").mkdir(parents=True)
    excluded = Exclusions()
    parsed = parse_voices(dict.fromkeys(voices, 1), tmp_path / "chunks", 2, dict.fromkeys(voices, excluded))
    utterance = parsed[voices[0]][0]
    assert (utterance.id, utterance.speaker, utterance.language) == ("klettres_en_GB-000", "klettres_en_GB", "eng")
    # Clips of 0.6 s: three and their gaps are 2 s.
    assert utterance.num_samples == soundfile.info(utterance.path).frames == 3 * 9600 + 2 * 1600
    assert len(list((tmp_path / "chunks").iterdir())) == 2
    assert excluded.counts() == {"clip not needed for a chunk": 7 + 9}
