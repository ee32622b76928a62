"""Batches: within the budget, balanced by language, hardly padded, and the same for the same seed."""

from collections import Counter

import numpy as np
import pytest

from espnet_ext.errors import UserError
from espnet_ext.train.sampler import BalancedLengthSampler, SortedSampler, language_shares

BUDGET = 200_000
COUNTS = {"eng": 1600, "fra": 300, "rus": 100}


@pytest.fixture(scope="module")
def lengths() -> dict[str, int]:
    random = np.random.default_rng(0)
    return {
        f"{language}-{index:04}": int(random.integers(4_000, 60_000))
        for language, count in COUNTS.items()
        for index in range(count)
    }


@pytest.fixture(scope="module")
def languages(lengths: dict[str, int]) -> dict[str, str]:
    return {utterance: utterance[:3] for utterance in lengths}


def padded(batch: tuple[str, ...], lengths: dict[str, int]) -> int:
    return len(batch) * max(lengths[utterance] for utterance in batch)


@pytest.mark.parametrize("seed", [0, 1, 7])
def test_no_batch_exceeds_the_budget_and_the_epoch_has_its_length(lengths: dict, languages: dict, seed: int) -> None:
    sampler = BalancedLengthSampler(lengths, languages, BUDGET, num_batches=333, alpha=0.3)
    batches = sampler.generate(seed)
    assert len(batches) == len(sampler) == 333
    assert all(batch for batch in batches)
    assert max(padded(batch, lengths) for batch in batches) <= BUDGET


def test_little_is_padding(lengths: dict, languages: dict) -> None:
    batches = BalancedLengthSampler(lengths, languages, BUDGET, num_batches=400).generate(0)
    real = sum(lengths[utterance] for batch in batches for utterance in batch)
    assert 1 - real / sum(padded(batch, lengths) for batch in batches) < 0.03


def test_the_seed_alone_decides_the_batches(lengths: dict, languages: dict) -> None:
    sampler = BalancedLengthSampler(lengths, languages, BUDGET, num_batches=50, alpha=0.5)
    reordered = dict(reversed(lengths.items()))
    other = BalancedLengthSampler(reordered, languages, BUDGET, num_batches=50, alpha=0.5)
    other.generate(4)  # what was asked before must not matter: a resumed run has not asked it
    assert sampler.generate(5) == other.generate(5)
    assert sampler.generate(5) != sampler.generate(6)


@pytest.mark.parametrize("alpha", [0.0, 0.3, 1.0])
def test_languages_are_drawn_by_their_tempered_share(lengths: dict, languages: dict, alpha: float) -> None:
    batches = BalancedLengthSampler(lengths, languages, BUDGET, num_batches=2000, alpha=alpha).generate(0)
    drawn = Counter(languages[utterance] for batch in batches for utterance in batch)
    tempered = {language: count**alpha for language, count in COUNTS.items()}
    for language in COUNTS:
        expected = tempered[language] / sum(tempered.values())
        assert drawn[language] / drawn.total() == pytest.approx(expected, abs=0.02)


def test_shares_of_one_language_are_one() -> None:
    np.testing.assert_array_equal(language_shares(np.array([7]), 0.0), [1.0])


def test_no_utterance_comes_twice_before_all_of_its_language_came_once(lengths: dict, languages: dict) -> None:
    window = 300  # with this budget a window is one batch, and nothing that was drawn is cut off
    for windows in (1, 4, 10):
        sampler = BalancedLengthSampler(lengths, languages, 10**9, num_batches=windows, alpha=0.0, window=window)
        drawn = Counter(utterance for batch in sampler.generate(3) for utterance in batch)
        assert drawn.total() == windows * window
        for language in COUNTS:
            times = [drawn[utterance] for utterance in lengths if languages[utterance] == language]
            assert max(times) - min(times) <= 1


def test_an_utterance_longer_than_a_batch_is_named(lengths: dict, languages: dict) -> None:
    for build in (
        lambda: BalancedLengthSampler(lengths | {"eng-0003": 200_001}, languages, BUDGET, 5),
        lambda: SortedSampler(lengths | {"eng-0003": 200_001}, BUDGET),
    ):
        with pytest.raises(UserError, match="utterance eng-0003 has 200001 samples, more than a batch of 200000"):
            build()


def test_validation_sees_every_utterance_once_in_every_order_of_listing(lengths: dict) -> None:
    sampler = SortedSampler(lengths, BUDGET)
    batches = list(sampler)
    assert sorted(utterance for batch in batches for utterance in batch) == sorted(lengths)
    assert max(padded(batch, lengths) for batch in batches) <= BUDGET
    assert batches == list(SortedSampler(dict(reversed(lengths.items())), BUDGET))
    assert len(sampler) == len(batches)
