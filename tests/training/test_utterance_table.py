"""The table of utterances that the sampler reads from a dump directory."""

from pathlib import Path

import numpy as np
import pytest

from espnet_ext.kaldi.scp import write_scp
from espnet_ext.training.utterance_table import as_labels, read_table, with_targets
from espnet_ext.utils.errors import UserError


@pytest.fixture
def dump(tmp_path: Path) -> Path:
    folder = tmp_path / "some_set"
    folder.mkdir()
    write_scp(folder / "utt2num_samples", {"a": 100, "bb": 2_000, "é": 30})
    write_scp(folder / "utt2lang", {"a": "fra", "bb": "eng", "é": "fra"})
    return folder


def test_the_columns_are_those_of_the_files(dump: Path) -> None:
    table = read_table(dump)
    assert table.names(np.array([2, 0, 1])) == ("é", "a", "bb")
    assert table.num_samples.tolist() == [100, 2_000, 30]
    assert (table.languages.names, table.languages.codes.tolist()) == (["eng", "fra"], [1, 0, 1])
    assert (table.corpora.names, table.corpora.codes.tolist()) == (["some_set"], [0, 0, 0])


def test_several_corpora_are_distinguished(dump: Path) -> None:
    write_scp(dump / "utt2corpus", {"a": "two", "bb": "two", "é": "one"})
    assert read_table(dump).corpora.names == ["one", "two"]
    assert read_table(dump).corpora.codes.tolist() == [1, 1, 0]


@pytest.mark.parametrize("languages", [{"a": "fra", "é": "fra"}, {"a": "fra", "b": "eng", "bb": "eng", "é": "fra"}])
def test_the_error_names_a_file_of_other_utterances(dump: Path, languages: dict) -> None:
    write_scp(dump / "utt2lang", languages)
    with pytest.raises(UserError, match="some_set/utt2lang: differs from utt2num_samples at bb;"):
        read_table(dump)


def test_labels_are_coded_in_their_order() -> None:
    labels = as_labels(["b", "a", "c", "a"])
    assert [labels.names[code] for code in labels.codes] == ["b", "a", "c", "a"]
    assert labels.names == ["a", "b", "c"]


def test_a_corpus_without_any_target_is_excluded(dump: Path) -> None:
    write_scp(dump / "utt2corpus", {"a": "two", "bb": "two", "é": "one"})
    write_scp(dump / "target_sem.scp", {"a": "None", "bb": "x:1", "é": "None"})
    write_scp(dump / "target_spk.scp", {"a": "None", "bb": "None", "é": "x:3"})
    table, (sem, spk) = read_table(dump), (dump / f"target_{name}.scp" for name in ("sem", "spk"))
    assert with_targets(table, [sem, spk]).ids.tolist() == table.ids.tolist()
    of_sem = with_targets(table, [sem])
    assert of_sem.names(np.arange(2)) == ("a", "bb")
    assert (of_sem.num_samples.tolist(), of_sem.languages.codes.tolist()) == ([100, 2_000], [1, 0])
    # Its name is still accepted in the config.
    assert (of_sem.corpora.names, of_sem.corpora.codes.tolist()) == (["one", "two"], [1, 1])
    write_scp(sem, dict.fromkeys(("a", "bb", "é"), "None"))
    with pytest.raises(UserError, match="target_sem.scp: no utterance has a target"):
        with_targets(table, [sem])


def test_a_single_corpus_is_not_changed(dump: Path) -> None:
    table = read_table(dump)
    assert with_targets(table, [dump / "absent.scp"]) is table
