"""The sampler's view of a dump directory."""

from pathlib import Path

import numpy as np
import pytest

from espnet_ext.data.scp import write_scp
from espnet_ext.errors import UserError
from espnet_ext.train.utterance_table import as_labels, read_table


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


def test_several_corpora_are_told_apart(dump: Path) -> None:
    write_scp(dump / "utt2corpus", {"a": "two", "bb": "two", "é": "one"})
    assert read_table(dump).corpora.names == ["one", "two"]
    assert read_table(dump).corpora.codes.tolist() == [1, 1, 0]


@pytest.mark.parametrize("languages", [{"a": "fra", "é": "fra"}, {"a": "fra", "b": "eng", "bb": "eng", "é": "fra"}])
def test_a_file_of_other_utterances_is_named(dump: Path, languages: dict) -> None:
    write_scp(dump / "utt2lang", languages)
    with pytest.raises(UserError, match="some_set/utt2lang: bb is not in it"):
        read_table(dump)


def test_labels_are_coded_in_their_order() -> None:
    labels = as_labels(["b", "a", "c", "a"])
    assert [labels.names[code] for code in labels.codes] == ["b", "a", "c", "a"]
    assert labels.names == ["a", "b", "c"]
