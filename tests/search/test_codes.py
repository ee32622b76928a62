"""Approximate search by compressed codes."""

from pathlib import Path

import numpy as np
import pytest

from espnet_ext.search.index import SearchIndex
from espnet_ext.search.query import QueryTerm, search
from espnet_ext.utils.errors import UserError
from helpers.toy_recordings import DIMS, Recordings, build_index, content_vectors

NAMES = [f"r{number:04d}" for number in range(400)]
TERMS = [
    QueryTerm(name, name, weight, np.random.default_rng(seed).normal(size=DIMS[name]))
    for seed, (name, weight) in enumerate([("sem", 1.0), ("spk", -0.5), ("lang", 0.7)])
]


@pytest.fixture(autouse=True)
def small_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    for limit, value in {"index.MIN_CODES": 100, "query.CANDIDATES_PER_HIT": 12}.items():
        monkeypatch.setattr(f"espnet_ext.search.{limit}", value)


@pytest.fixture
def index(tmp_path: Path, recordings: Recordings) -> SearchIndex:
    index = build_index(tmp_path / "index", recordings.make(*NAMES))
    index.update_codes()
    return index


@pytest.mark.parametrize("terms", [TERMS, TERMS[:1], TERMS[1:2], TERMS[2:]])
def test_most_of_the_best_candidates_are_found_and_scored_exactly(index: SearchIndex, terms: list[QueryTerm]) -> None:
    exact = {hit.recording: hit for hit in search(index, terms, 400)}
    best = {hit.recording for hit in search(index, terms, 5)}
    found = search(index, terms, 5, index.codes())
    assert len(best & {hit.recording for hit in found}) >= 4
    assert [hit for hit in found if hit != exact[hit.recording]] == []
    assert [hit.score for hit in found] == sorted((hit.score for hit in found), reverse=True)


def test_codes_do_not_depend_on_the_builds_that_made_them(
    index: SearchIndex, tmp_path: Path, recordings: Recordings
) -> None:
    sources = recordings.make(*NAMES)
    for count in (120, 250, 400):
        bit_by_bit = build_index(tmp_path / "bit by bit", {name: sources[name] for name in NAMES[:count]})
        bit_by_bit.update_codes()
    assert (bit_by_bit.folder / "codes.faiss").read_bytes() == (index.folder / "codes.faiss").read_bytes()


def test_codes_are_written_once(index: SearchIndex) -> None:
    before = (index.folder / "codes.faiss").stat()
    index.update_codes()
    assert (index.folder / "codes.faiss").stat() == before


def test_an_index_with_newer_recordings_is_searched_exactly(index: SearchIndex, recordings: Recordings) -> None:
    grown = build_index(index.folder, recordings.make("new"))
    assert index.codes() is not None and grown.codes() is None
    grown.update_codes()
    assert grown.codes().ntotal == 401


def test_an_old_version_of_a_recording_is_not_found(index: SearchIndex, recordings: Recordings) -> None:
    terms = [QueryTerm("spk", "", 1.0, content_vectors(list(recordings.make("r0007").values()))["spk"][0])]
    assert search(index, terms, 1, index.codes())[0].recording == "r0007"
    changed = build_index(index.folder, recordings.make("r0007", content="changed"))
    assert changed.codes() is None
    changed.update_codes()
    found = search(changed, terms, 1, changed.codes())[0]
    assert found.score < 0.99
    assert found == search(changed, terms, 1)[0]


def test_a_small_index_needs_no_codes(tmp_path: Path, recordings: Recordings) -> None:
    small = build_index(tmp_path / "small", recordings.make(*NAMES[:20]))
    small.update_codes()
    assert small.codes() is None


def test_the_error_names_broken_codes(index: SearchIndex) -> None:
    path = index.folder / "codes.faiss"
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(UserError, match="codes.faiss: broken index file"):
        index.codes()
