"""AS-norm against naive float64 versions, wespeaker's formula among them, and its invariants."""

import numpy as np
import pytest

from espnet_ext.scoring import score_norm
from espnet_ext.scoring.rows import UnitRows, pair_cosines
from espnet_ext.scoring.score_norm import score_cohort, speaker_means
from espnet_ext.utils.errors import UserError


def make(count: int, dim: int = 12, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((count, dim)).astype(np.float32)


def rows_of(vectors: np.ndarray) -> UnitRows:
    return UnitRows.of(vectors, [f"u{i}" for i in range(len(vectors))])


def naive_side(vector: np.ndarray, cohort: np.ndarray, score: float, top: int) -> float:
    """z-score of one side: sort the cosines with the cohort, keep the best, use the population deviation."""
    vector = vector.astype(float)
    cosines = [float(vector @ c) / np.sqrt(float(vector @ vector) * float(c @ c)) for c in cohort.astype(float)]
    best = sorted(cosines, reverse=True)[:top]
    mean = sum(best) / len(best)
    return (score - mean) / np.sqrt(sum((b - mean) ** 2 for b in best) / len(best))


@pytest.mark.parametrize("top", [1000, 20, 5])
@pytest.mark.parametrize("cells", [1, 100, 10**6])
def test_scores_match_a_naive_version(top: int, cells: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(score_norm, "BLOCK_CELLS", cells)
    vectors, cohort = make(9), make(40, seed=1)
    rows = rows_of(vectors)
    enrol, test = np.array([0, 3, 8, 2]), np.array([5, 1, 8, 7])
    cosines = pair_cosines(rows, rows, enrol, test)
    unit = rows_of(cohort).take(slice(0, 40))
    normalized = score_cohort(rows, unit, top).normalize(cosines, enrol, test)
    expected = [
        (naive_side(vectors[e], cohort, score, top) + naive_side(vectors[t], cohort, score, top)) / 2
        for e, t, score in zip(enrol, test, cosines, strict=True)
    ]
    np.testing.assert_allclose(normalized, expected, atol=1e-6)


def test_the_other_deviation_only_scales_the_scores() -> None:
    """SpeechBrain divides by the sample deviation: all scores shrink by one factor, and error rates do not change."""
    vectors, cohort = make(6), make(25, seed=1)
    rows, unit, top = rows_of(vectors), rows_of(cohort).take(slice(0, 25)), 10
    enrol, test = np.triu_indices(6, 1)
    cosines = pair_cosines(rows, rows, enrol, test)
    best = np.sort(rows.take(slice(0, 6)) @ unit.T, axis=1)[:, -top:]
    mean, deviation = best.mean(axis=1), best.std(axis=1, ddof=1)
    theirs = 0.5 * ((cosines - mean[enrol]) / deviation[enrol] + (cosines - mean[test]) / deviation[test])
    ours = score_cohort(rows, unit, top).normalize(cosines, enrol, test)
    np.testing.assert_allclose(ours * np.sqrt((top - 1) / top), theirs, atol=1e-8)


def test_either_side_can_enroll() -> None:
    rows = rows_of(make(20))
    cohort = score_cohort(rows, rows_of(make(30, seed=2)).take(slice(0, 30)), top=7)
    enrol, test = np.triu_indices(20, 1)
    cosines = pair_cosines(rows, rows, enrol, test)
    np.testing.assert_array_equal(cohort.normalize(cosines, enrol, test), cohort.normalize(cosines, test, enrol))


def test_a_side_near_to_all_speakers_is_corrected() -> None:
    """Utterance 0 is near the cohort: the same cosine is weaker evidence for it than for utterance 1."""
    cohort = np.array([[1.0, 0.1, 0.0], [1.0, -0.1, 0.0], [1.0, 0.0, 0.1]])
    rows = rows_of(np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.6, 0.6, 0.5]]))
    scores = score_cohort(rows, cohort, top=3).normalize(np.array([0.6, 0.6]), np.array([0, 1]), np.array([2, 2]))
    assert scores[0] < scores[1]


def test_the_cohort_is_the_direction_of_each_speakers_mean() -> None:
    vectors = make(7)
    speakers = np.array(list("babbaab"))
    unit = vectors.astype(float) / np.linalg.norm(vectors.astype(float), axis=1, keepdims=True)
    expected = [unit[speakers == name].mean(axis=0) for name in "ab"]
    expected = [mean / np.linalg.norm(mean) for mean in expected]
    np.testing.assert_allclose(speaker_means(rows_of(vectors), speakers), expected, atol=1e-12)


def test_one_speaker_is_not_a_cohort() -> None:
    with pytest.raises(UserError, match="needs two or more"):
        speaker_means(rows_of(make(3)), np.array(["a", "a", "a"]))


def test_scores_of_a_collapsed_model_remain_tied() -> None:
    rows = rows_of(np.ones((4, 3), np.float32))
    enrol, test = np.triu_indices(4, 1)
    cosines = pair_cosines(rows, rows, enrol, test)
    scores = score_cohort(rows, rows.take(slice(0, 4)), top=3).normalize(cosines, enrol, test)
    assert np.isfinite(scores).all() and len(np.unique(scores)) == 1
