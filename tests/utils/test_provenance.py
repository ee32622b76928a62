"""Folder listings: detected changes and the limit of entries."""

from pathlib import Path

import pytest

from espnet_ext.utils.provenance import listing_of


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    """Three languages of two files each: 3 entries above 6."""
    for language in "abc":
        (tmp_path / "corpus" / language).mkdir(parents=True)
        for name in "xy":
            (tmp_path / "corpus" / language / name).write_text(name)
    return tmp_path / "corpus"


def test_a_listing_is_breadth_first_up_to_the_limit(corpus: Path) -> None:
    limits = (3, 5, 6, 9)
    before = {limit: listing_of(corpus, limit) for limit in limits}
    assert before == {limit: listing_of(corpus, limit) for limit in limits}
    assert len(set(before.values())) == len(limits)
    (corpus / "b" / "y").write_text("longer")  # the seventh entry
    assert [listing_of(corpus, limit) == before[limit] for limit in limits] == [True, True, True, False]


def test_a_moved_corpus_has_the_same_listing(corpus: Path, tmp_path: Path) -> None:
    before = listing_of(corpus)
    corpus.rename(tmp_path / "moved")
    assert listing_of(tmp_path / "moved") == before


def test_an_absent_folder_is_an_error_that_names_it(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="nothing"):
        listing_of(tmp_path / "nothing")
