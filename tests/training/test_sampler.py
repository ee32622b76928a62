"""Batches: within the budget, balanced by corpus and language, little padding, reproducible from the seed."""

import hashlib
import json
from collections import Counter
from collections.abc import Mapping

import numpy as np
import pytest

from espnet_ext.training.sampler import BalancedLengthSampler, DistributedBatchSampler, SortedSampler
from espnet_ext.training.utterance_table import UtteranceTable, as_labels
from espnet_ext.utils.errors import UserError

BUDGET = 200_000
COUNTS = {"eng": 1600, "fra": 300, "rus": 100}


def table_of(lengths: Mapping[str, int], corpora: Mapping[str, str] | None = None) -> UtteranceTable:
    """A table of utterances whose ids start with their language; one corpus if none is given."""
    ids = sorted(lengths)
    return UtteranceTable(
        np.array([utterance.encode() for utterance in ids]),
        np.array([lengths[utterance] for utterance in ids]),
        as_labels(utterance[:3] for utterance in ids),
        as_labels(corpora[utterance] if corpora else "one" for utterance in ids),
    )


@pytest.fixture(scope="module")
def lengths() -> dict[str, int]:
    random = np.random.default_rng(0)
    return {
        f"{language}-{index:04}": int(random.integers(4_000, 60_000))
        for language, count in COUNTS.items()
        for index in range(count)
    }


@pytest.fixture(scope="module")
def table(lengths: dict[str, int]) -> UtteranceTable:
    return table_of(lengths)


@pytest.fixture(scope="module")
def mixed(lengths: dict[str, int]) -> UtteranceTable:
    """Half of English and all of Russian are one corpus, the rest is another."""
    return table_of(lengths, {u: "a" if u.startswith("rus") or u < "eng-0800" else "b" for u in lengths})


def padded(batch: tuple[str, ...], lengths: dict[str, int]) -> int:
    return len(batch) * max(lengths[utterance] for utterance in batch)


def drawn_shares(sampler: BalancedLengthSampler, table: UtteranceTable) -> dict[tuple[str, str], float]:
    """(corpus, language) -> its share of the drawn utterances."""
    corpora = dict(zip(table.names(np.arange(len(table.ids))), table.corpora.codes, strict=True))
    drawn = Counter((table.corpora.names[corpora[u]], u[:3]) for batch in sampler.generate(0) for u in batch)
    return {group: count / drawn.total() for group, count in drawn.items()}


# Digests of the sampler's first version: batches of existing recipes must not change.
@pytest.mark.parametrize(
    ("alpha", "window", "digest"),
    [
        (1.0, 256, "18d42c316e48480bada143c06d4661a0a489abdee95c324d9d9663d8c546450e"),
        (0.3, 2048, "259c8efa512c63f41edef40579d3720a624b5c167d5358b24b3cd09ed6994aad"),
        (0.05, 300, "6d5680185055ac7d9a3bbac59c1d89050f6d14cf27a19a88b03dbf09493600fd"),
    ],
)
def test_the_batches_of_one_corpus_equal_those_of_older_runs(
    table: UtteranceTable, alpha: float, window: int, digest: str
) -> None:
    batches = BalancedLengthSampler(table, BUDGET, 120, alpha, window).generate(5)
    assert hashlib.sha256(json.dumps(batches).encode()).hexdigest() == digest


def test_the_validation_batches_equal_those_of_older_runs(table: UtteranceTable) -> None:
    digest = hashlib.sha256(json.dumps(list(SortedSampler(table, BUDGET))).encode()).hexdigest()
    assert digest == "3f6512f7b4471001def48e9758d93a1c54632137a9f01b3e32cd746b37dc7c14"


@pytest.mark.parametrize("seed", [0, 1, 7])
@pytest.mark.parametrize("ranks", [1, 3])
def test_no_batch_exceeds_the_budget_and_the_epoch_has_its_length(
    lengths: dict, table: UtteranceTable, seed: int, ranks: int
) -> None:
    sampler = BalancedLengthSampler(table, BUDGET, num_batches=333, alpha=0.3, ranks=ranks)
    batches = sampler.generate(seed)
    assert len(batches) == len(sampler) == 333
    assert min(map(len, batches)) >= ranks
    assert max(padded(batch, lengths) for batch in batches) <= BUDGET


def test_little_is_padding(lengths: dict, table: UtteranceTable) -> None:
    batches = BalancedLengthSampler(table, BUDGET, num_batches=400).generate(0)
    real = sum(lengths[utterance] for batch in batches for utterance in batch)
    assert 1 - real / sum(padded(batch, lengths) for batch in batches) < 0.03


def test_the_batches_depend_only_on_the_seed(mixed: UtteranceTable) -> None:
    sampler, other = (BalancedLengthSampler(mixed, BUDGET, num_batches=50, alpha=0.5) for _ in range(2))
    other.generate(4)  # earlier calls must not matter: a resumed run does not repeat them
    assert sampler.generate(5) == other.generate(5)
    assert sampler.generate(5) != sampler.generate(6)


@pytest.mark.parametrize("alpha", [0.0, 0.3, 1.0])
def test_languages_are_drawn_by_their_tempered_weight(table: UtteranceTable, alpha: float) -> None:
    drawn = drawn_shares(BalancedLengthSampler(table, BUDGET, num_batches=2000, alpha=alpha), table)
    tempered = {language: count**alpha for language, count in COUNTS.items()}
    for language in COUNTS:
        expected = tempered[language] / sum(tempered.values())
        assert drawn["one", language] == pytest.approx(expected, abs=0.02)


def test_corpora_are_drawn_by_weight_and_languages_within_them(mixed: UtteranceTable) -> None:
    sampler = BalancedLengthSampler(
        mixed,
        BUDGET,
        num_batches=3000,
        alpha=0.5,
        corpus_weights={"a": 3, "b": 1},
        language_weights={"rus": 2.0},
    )
    drawn = drawn_shares(sampler, mixed)
    eng_of_a, rus_of_a = 800**0.5, 2 * 100**0.5
    eng_of_b, fra_of_b = 800**0.5, 300**0.5
    expected = {
        ("a", "eng"): 0.75 * eng_of_a / (eng_of_a + rus_of_a),
        ("a", "rus"): 0.75 * rus_of_a / (eng_of_a + rus_of_a),
        ("b", "eng"): 0.25 * eng_of_b / (eng_of_b + fra_of_b),
        ("b", "fra"): 0.25 * fra_of_b / (eng_of_b + fra_of_b),
    }
    assert drawn == pytest.approx(expected, abs=0.02)


def test_a_corpus_of_weight_zero_is_not_drawn(mixed: UtteranceTable) -> None:
    sampler = BalancedLengthSampler(mixed, BUDGET, num_batches=500, corpus_weights={"a": 0, "b": 1})
    assert {corpus for corpus, _ in drawn_shares(sampler, mixed)} == {"b"}


def test_no_utterance_is_repeated_before_all_of_its_language_were_drawn(lengths: dict, table: UtteranceTable) -> None:
    window = 300  # with this budget a window is one batch, and no drawn utterance is dropped
    for windows in (1, 4, 10):
        sampler = BalancedLengthSampler(table, 10**9, num_batches=windows, alpha=0.0, window=window)
        drawn = Counter(utterance for batch in sampler.generate(3) for utterance in batch)
        assert drawn.total() == windows * window
        for language in COUNTS:
            times = [drawn[utterance] for utterance in lengths if utterance[:3] == language]
            assert max(times) - min(times) <= 1


def test_the_error_names_an_utterance_longer_than_a_batch(lengths: dict) -> None:
    longer = table_of(lengths | {"eng-0003": 200_001})
    for build in (lambda: BalancedLengthSampler(longer, BUDGET, 5), lambda: SortedSampler(longer, BUDGET)):
        with pytest.raises(UserError, match="utterance eng-0003 has 200001 samples, more than a batch of 200000: "):
            build()


def test_a_budget_of_fewer_utterances_than_processes_is_refused(table: UtteranceTable) -> None:
    message = "has 59.* samples, more than a batch of 50000 for one of 4 processes: raise batch_bins"
    with pytest.raises(UserError, match=message):
        BalancedLengthSampler(table, BUDGET, 5, ranks=4)
    with pytest.raises(UserError, match=message):
        SortedSampler(table, BUDGET, ranks=4)


@pytest.mark.parametrize("ranks", [1, 2, 3])
def test_validation_reads_every_utterance_once(lengths: dict, table: UtteranceTable, ranks: int) -> None:
    sampler = SortedSampler(table, BUDGET, ranks)
    batches = list(sampler)
    assert sorted(utterance for batch in batches for utterance in batch) == sorted(lengths)
    assert max(padded(batch, lengths) for batch in batches) <= BUDGET
    assert min(map(len, batches)) >= ranks
    assert len(sampler) == len(batches)


def test_a_short_last_batch_is_filled_from_the_previous_one() -> None:
    lengths = {f"eng-{index}": 100 + index for index in range(9)}
    sizes = [len(batch) for batch in SortedSampler(table_of(lengths), 415)]
    assert sizes == [4, 3, 2]
    assert [len(batch) for batch in SortedSampler(table_of(lengths), 415, ranks=3)] == [3, 3, 3]


def test_a_validation_set_smaller_than_the_processes_is_refused() -> None:
    with pytest.raises(UserError, match="validation: 5 utterances in 2 batches .* raise valid_batch_bins"):
        SortedSampler(table_of({f"eng-{index}": 100 for index in range(5)}), 300, ranks=3)


def test_the_parts_of_all_processes_add_up_to_every_batch(lengths: dict, table: UtteranceTable) -> None:
    whole = BalancedLengthSampler(table, BUDGET, 50, ranks=3)
    parts = [DistributedBatchSampler(whole, rank, 3).generate(2) for rank in range(3)]
    for batch, *shares in zip(whole.generate(2), *parts, strict=True):
        assert sorted(utterance for share in shares for utterance in share) == sorted(batch)
        assert max(map(len, shares)) - min(map(len, shares)) <= 1
        assert min(map(len, shares)) >= 1
