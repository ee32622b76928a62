"""Search against a naive implementation in numpy."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from espnet_ext.audio.waveform import AudioSource
from espnet_ext.search.index import SearchIndex
from espnet_ext.search.query import Match, QueryTerm, search
from espnet_ext.utils.errors import UserError
from helpers.toy_recordings import DIMS, MANIFEST, Recordings, build_index, content_vectors

pytestmark = pytest.mark.usefixtures("small_chunks")
NAMES = [f"r{number:02d}" for number in range(50)]


def make_term(attribute: str, weight: float, seed: int) -> QueryTerm:
    """Make a term whose vector has any length: query vectors are rescaled."""
    return QueryTerm(attribute, f"{attribute} {seed}", weight, np.random.default_rng(seed).normal(size=DIMS[attribute]))


def naive(vectors: dict[str, np.ndarray], names: Sequence[str], terms: Sequence[QueryTerm], top: int) -> list[Match]:
    cosines = np.stack(
        [
            vectors[term.attribute].astype(float)
            @ term.vector
            / np.linalg.norm(vectors[term.attribute].astype(float), axis=1)
            / np.linalg.norm(term.vector)
            for term in terms
        ],
        axis=1,
    )
    scores = cosines @ [term.weight for term in terms]
    order = sorted(range(len(names)), key=lambda row: (-round(scores[row], 9), names[row]))
    return [Match(names[row], "", scores[row], tuple(cosines[row])) for row in order[:top]]


def assert_same(found: Sequence[Match], expected: Sequence[Match]) -> None:
    assert [hit.recording for hit in found] == [hit.recording for hit in expected]
    np.testing.assert_allclose([hit.score for hit in found], [hit.score for hit in expected], atol=2e-9)
    np.testing.assert_allclose([hit.cosines for hit in found], [hit.cosines for hit in expected], atol=1e-12)


@pytest.mark.parametrize("top", [1, 10, 60])
@pytest.mark.parametrize(
    "weights",
    [
        [("sem", 1.0)],
        [("spk", -2.0)],
        [("sem", 1.0), ("spk", 0.5), ("lang", -1.0)],
        [("sem", 1.0), ("sem", -0.3), ("lang", 0.2)],
    ],
)
def test_scores_are_signed_sums_of_cosines(tmp_path: Path, recordings: Recordings, weights: list, top: int) -> None:
    sources = recordings.make(*NAMES)
    index = build_index(tmp_path / "index", sources)
    terms = [make_term(attribute, weight, seed) for seed, (attribute, weight) in enumerate(weights)]
    expected = naive(content_vectors(list(sources.values())), NAMES, terms, top)
    assert len(expected) == min(top, 50)
    found = search(index, terms, top)
    assert_same(found, expected)
    assert [hit.audio for hit in found] == [sources[hit.recording].path for hit in found]


def test_ties_are_sorted_by_id_whatever_the_order_of_the_builds(tmp_path: Path, recordings: Recordings) -> None:
    build_index(tmp_path / "index", recordings.make(*NAMES[10:], content="the same"))
    index = build_index(tmp_path / "index", recordings.make(*NAMES[:10], content="the same"))
    for top in (1, 13, 30):  # fewer candidates than ties; more than half of the rows
        found = search(index, [make_term("sem", 1.0, 0), make_term("spk", -1.0, 1)], top)
        assert [hit.recording for hit in found] == NAMES[:top]
        assert len({hit.score for hit in found}) == 1


def test_the_first_of_many_ties_are_found(tmp_path: Path, recordings: Recordings) -> None:
    sources = recordings.make(*NAMES[::2], content="one") | recordings.make(*NAMES[1::2], content="other")
    index = build_index(tmp_path / "index", dict(reversed(sources.items())))
    found = search(index, [QueryTerm("sem", "", 1.0, content_vectors([sources["r00"]])["sem"][0])], 3)
    assert [hit.recording for hit in found] == ["r00", "r02", "r04"]


def test_nearly_equal_scores_are_ordered_in_float64(tmp_path: Path, recordings: Recordings) -> None:
    random = np.random.default_rng(0)
    # Cosines that differ by less than the error of float32 products.
    rows = (random.normal(size=16) * (1 + 1e-7 * random.normal(size=(len(NAMES), 16)))).astype(np.float32)
    sources = recordings.make(*NAMES)
    embed = content_vectors(list(sources.values())) | {"sem": rows / np.linalg.norm(rows, axis=1, keepdims=True)}
    at = {source.path: row for row, source in enumerate(sources.values())}

    def embed_some(audio: Sequence[AudioSource]) -> tuple[dict[str, np.ndarray], dict[int, str]]:
        return {name: vectors[[at[source.path] for source in audio]] for name, vectors in embed.items()}, {}

    index = build_index(tmp_path / "index", sources, embed_some)
    for seed in range(20):
        terms = [make_term("sem", 1.0, seed)]
        assert_same(search(index, terms, 2), naive(embed, NAMES, terms, 2))


def test_an_index_without_recordings_is_refused(tmp_path: Path) -> None:
    index = SearchIndex.open_or_create(tmp_path, MANIFEST)
    with pytest.raises(UserError, match="no recordings in this index yet"):
        search(index, [make_term("sem", 1.0, 0)], 3)


def test_damaged_vectors_are_not_found(tmp_path: Path, recordings: Recordings) -> None:
    index = build_index(tmp_path / "index", recordings.make(*NAMES))
    vectors = index.vectors.copy()
    vectors[3, 1] = np.nan
    vectors.tofile(index.folder / "vectors.f32")
    found = search(SearchIndex(index.folder), [make_term("sem", -1.0, 0)], 50)
    assert {hit.recording for hit in found} == {*NAMES} - {"r03"}
