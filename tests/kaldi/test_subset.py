"""The subset for a first look has complete sentences and is the same on every machine."""

from collections import Counter
from pathlib import Path

import pytest

from espnet_ext.kaldi import data_dir
from espnet_ext.kaldi.data_dir import DataDir, choose_subset
from espnet_ext.kaldi.utterances import Utterance, write_utterances

LANGUAGES = ("eng", "fra")


def write_set(folder: Path, num_sentences: int, with_sentences: bool = True) -> DataDir:
    folder.mkdir()
    utterances = [
        Utterance(f"a-{language}-{number:04}", "a", folder / "a.wav", 8000, language, sentence=sentence)
        for number in range(num_sentences)
        for language in LANGUAGES
        for sentence in [f"s{number}" if with_sentences else None]
    ]
    write_utterances(folder, utterances)
    return DataDir(folder)


def test_a_tenth_of_a_set_has_complete_sentences(tmp_path: Path) -> None:
    data = write_set(tmp_path / "train", 1000)
    chosen = choose_subset(data, 0.1)
    assert len(chosen) == 200
    assert set(Counter(data.utt2sent[utterance] for utterance in chosen).values()) == {len(LANGUAGES)}
    numbers = {int(utterance.rpartition("-")[2]) for utterance in chosen}
    assert min(numbers) < 100 and max(numbers) >= 900


def test_the_sentences_with_the_smallest_hashes_are_chosen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(data_dir, "MIN_UTTERANCES", 1)
    # Their SHA-256 digests begin with ec18, e8bc, ad32, 4124, 5b84, 3b96 (sha256sum).
    data = write_set(tmp_path / "train", 6)
    chosen = choose_subset(data, 0.5)
    assert {data.utt2sent[utterance] for utterance in chosen} == {"s3", "s4", "s5"}
    assert len(chosen) == 6


def test_without_sentences_single_utterances_are_chosen(tmp_path: Path) -> None:
    assert len(choose_subset(write_set(tmp_path / "voices", 1000, with_sentences=False), 0.1005)) == 201


@pytest.mark.parametrize(("num_sentences", "expected"), [(200, 50), (20, 40)])
def test_a_small_set_keeps_enough_utterances_for_scoring(tmp_path: Path, num_sentences: int, expected: int) -> None:
    assert len(choose_subset(write_set(tmp_path / "test", num_sentences), 0.1)) == expected


def test_the_whole_set_is_chosen_for_fraction_1(tmp_path: Path) -> None:
    data = write_set(tmp_path / "train", 300)
    assert choose_subset(data, 1.0) == set(data.utterances)
