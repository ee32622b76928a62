"""Approximate search by compressed codes."""

import sys
from pathlib import Path

import numpy as np
import pytest
from toy_recordings import DIMS, Recordings, content_vectors, embed_content

from espnet_ext.errors import UserError
from espnet_ext.search.build import build_index
from espnet_ext.search.codes import open_codes, update_codes
from espnet_ext.search.index import SearchIndex
from espnet_ext.search.manifest import Manifest
from espnet_ext.search.query import Term, search

NAMES = [f"r{number:04d}" for number in range(400)]
TERMS = [
    Term(name, name, weight, np.random.default_rng(seed).normal(size=DIMS[name]))
    for seed, (name, weight) in enumerate([("sem", 1.0), ("spk", -0.5), ("lang", 0.7)])
]


@pytest.fixture(autouse=True)
def small_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    for limit in ("build.MIN_SEGMENT_ROWS", "build.MAX_SEGMENT_ROWS"):
        monkeypatch.setattr(f"espnet_ext.search.{limit}", 50)
    for limit, value in {"MIN_ROWS": 100, "MAX_TRAIN_ROWS": 256, "MIN_CANDIDATES": 60}.items():
        monkeypatch.setattr(f"espnet_ext.search.codes.{limit}", value)


@pytest.fixture
def index(tmp_path: Path, recordings: Recordings, manifest: Manifest) -> SearchIndex:
    index = build_index(tmp_path / "index", manifest, recordings.make(*NAMES), embed_content)
    update_codes(index)
    return index


@pytest.mark.parametrize("terms", [TERMS, TERMS[:1], TERMS[1:2], TERMS[2:]])
def test_most_of_the_best_are_found_and_scored_exactly(index: SearchIndex, terms: list[Term]) -> None:
    exact = {hit.recording: hit for hit in search(index, terms, 400)}
    best = {hit.recording for hit in search(index, terms, 5)}
    found = search(index, terms, 5, open_codes(index))
    assert len(best & {hit.recording for hit in found}) >= 4
    assert [hit for hit in found if hit != exact[hit.recording]] == []
    assert [hit.score for hit in found] == sorted((hit.score for hit in found), reverse=True)


def test_codes_do_not_depend_on_the_builds_that_made_them(
    index: SearchIndex, tmp_path: Path, recordings: Recordings, manifest: Manifest
) -> None:
    sources = recordings.make(*NAMES)
    for count in (120, 150, 250, 300, 400):
        some = {name: sources[name] for name in NAMES[: count // 50 * 50]}
        bit_by_bit = build_index(tmp_path / "bit by bit", manifest, some, embed_content)
        update_codes(bit_by_bit)
    assert (bit_by_bit.folder / "codes.faiss").read_bytes() == (index.folder / "codes.faiss").read_bytes()


def test_recordings_without_codes_are_searched_exactly(
    index: SearchIndex, recordings: Recordings, manifest: Manifest
) -> None:
    best = content_vectors(list(recordings.make("new").values()))
    grown = build_index(index.folder, manifest, recordings.make("new"), embed_content)
    terms = [Term("sem", "", 1.0, best["sem"][0])]
    assert search(grown, terms, 1, open_codes(grown))[0].recording == "new"


def test_replaced_recordings_are_not_found(index: SearchIndex, recordings: Recordings, manifest: Manifest) -> None:
    terms = [Term("spk", "", 1.0, content_vectors(list(recordings.make("r0007").values()))["spk"][0])]
    assert search(index, terms, 1, open_codes(index))[0].recording == "r0007"
    changed = build_index(index.folder, manifest, recordings.make("r0007", content="changed"), embed_content)
    found = search(changed, terms, 1, open_codes(changed))[0]
    assert found.score < 0.99
    assert found == search(changed, terms, 1)[0]


def test_a_small_index_needs_no_codes(tmp_path: Path, recordings: Recordings, manifest: Manifest) -> None:
    small = build_index(tmp_path / "small", manifest, recordings.make(*NAMES[:20]), embed_content)
    update_codes(small)
    assert open_codes(small) is None


def test_missing_and_broken_codes_are_named(index: SearchIndex, tmp_path: Path) -> None:
    path = index.folder / "codes.faiss"
    whole = path.read_bytes()
    path.write_bytes(whole[:1000])
    with pytest.raises(UserError, match="codes.faiss: broken index file"):
        open_codes(index)
    path.unlink()
    with pytest.raises(UserError, match="no codes for approximate search; run `search build --index faiss`"):
        open_codes(index)


def test_codes_of_other_vectors_are_refused(
    index: SearchIndex, tmp_path: Path, recordings: Recordings, manifest: Manifest
) -> None:
    other = build_index(tmp_path / "other", manifest, recordings.make(*NAMES[:120]), embed_content)
    (index.folder / "codes.faiss").rename(other.folder / "codes.faiss")
    with pytest.raises(UserError, match="codes of other vectors"):
        open_codes(other)


def test_without_faiss_the_error_says_what_to_install(index: SearchIndex, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "faiss", None)
    with pytest.raises(UserError, match="pip install faiss-cpu, or use --index exact"):
        open_codes(index)
