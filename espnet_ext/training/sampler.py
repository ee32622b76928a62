"""Batches that balance corpora and languages and waste little on padding, at the same time."""

from collections.abc import Iterator, Mapping

import numpy as np
from espnet2.samplers.abs_sampler import AbsSampler

from espnet_ext.training.sampling_weights import sampling_weights
from espnet_ext.training.utterance_table import UtteranceTable
from espnet_ext.utils.batching import cut_batches, sorted_batches
from espnet_ext.utils.errors import UserError


class BalancedLengthSampler(AbsSampler):
    """Draw corpora by weight and languages by temperature, sort within a window, cut batches of a fixed budget.

    `generate(seed)` depends on nothing but the seed, so a resumed or a distributed run sees the same batches.

    Args:
        table: the utterances.
        budget: samples of one batch, padding included.
        num_batches: batches of one epoch.
        alpha: exponent of the language shares.
        window: utterances that are sorted by length together.
        corpus_weights: corpus -> weight; empty = the number of utterances.
        language_weights: language -> factor on its weight.
        ranks: processes that share every batch; each gets at least one utterance.

    Raises:
        UserError: weights that do not fit the table, or a budget too small for the longest utterance.
    """

    def __init__(
        self,
        table: UtteranceTable,
        budget: int,
        num_batches: int,
        alpha: float = 1.0,
        window: int = 2048,
        corpus_weights: Mapping[str, float] | None = None,
        language_weights: Mapping[str, float] | None = None,
        ranks: int = 1,
    ) -> None:
        check_budget(budget, table, ranks)
        if window < ranks:
            raise UserError(f"sampler_conf: window {window} is less than one utterance for each of {ranks} processes")
        corpora, languages = table.corpora, table.languages
        group = corpora.codes * len(languages.names) + languages.codes
        counts = np.bincount(group, minlength=len(corpora.names) * len(languages.names))
        weights = sampling_weights(
            counts.reshape(len(corpora.names), -1),
            alpha,
            corpora.names,
            languages.names,
            corpus_weights or {},
            language_weights or {},
        ).ravel()
        members = np.split(np.argsort(group, kind="stable"), np.cumsum(counts)[:-1])
        self.members = [part for part in members if len(part)]
        self.weights = weights[counts > 0]
        self.table, self.budget, self.num_batches, self.window, self.ranks = table, budget, num_batches, window, ranks

    def __len__(self) -> int:
        return self.num_batches

    def __iter__(self) -> Iterator[tuple[str, ...]]:
        return iter(self.generate(0))

    def generate(self, seed: int) -> list[tuple[str, ...]]:
        """Batches of utterance ids of one epoch; `seed` is ESPnet's seed + epoch."""
        random = np.random.default_rng(seed)
        decks = [_endless_permutations(members, random) for members in self.members]
        num_samples = self.table.num_samples
        batches: list[np.ndarray] = []
        while len(batches) < self.num_batches:
            drawn = random.choice(len(decks), size=self.window, p=self.weights)
            order = np.array([next(decks[group]) for group in drawn])
            order = order[np.argsort(num_samples[order], kind="stable")]
            windowed = fill_small(cut_batches(order, num_samples, self.budget), self.ranks)
            # Batches smaller than the number of processes are dropped.
            windowed = [batch for batch in windowed if len(batch) >= self.ranks]
            random.shuffle(windowed)
            batches += windowed
        return [self.table.names(batch) for batch in batches[: self.num_batches]]


class SortedSampler(AbsSampler):
    """Every utterance once, by length, in batches of a fixed budget: for validation.

    Args:
        table: the utterances.
        budget: samples of one batch, padding included.
        ranks: processes that share every batch; each gets at least one utterance.

    Raises:
        UserError: a budget too small for the longest utterance, or too few utterances for the processes.
    """

    def __init__(self, table: UtteranceTable, budget: int, ranks: int = 1) -> None:
        check_budget(budget, table, ranks)
        self.table = table
        batches = fill_small(sorted_batches(table.num_samples, budget), ranks)
        if len(batches[0]) < ranks:
            raise UserError(
                f"validation: {len(table.ids)} utterances in {len(batches)} batches do not give each of {ranks} "
                "processes one of every batch: raise valid_batch_bins"
            )
        self.batches = [table.names(batch) for batch in batches]

    def __len__(self) -> int:
        return len(self.batches)

    def __iter__(self) -> Iterator[tuple[str, ...]]:
        return iter(self.batches)


class DistributedBatchSampler(AbsSampler):
    """The part of one process of every batch, so that `batch_bins` is the size of all processes' batch together.

    Args:
        sampler: whole batches, each sorted by length: every process gets short and long utterances.
        rank: this process.
        ranks: processes.
    """

    def __init__(self, sampler: BalancedLengthSampler | SortedSampler, rank: int, ranks: int) -> None:
        self.sampler, self.rank, self.ranks = sampler, rank, ranks
        self.table = sampler.table

    def __len__(self) -> int:
        return len(self.sampler)

    def __iter__(self) -> Iterator[tuple[str, ...]]:
        return iter(self.generate(0))

    def generate(self, seed: int) -> list[tuple[str, ...]]:
        """See `BalancedLengthSampler.generate`."""
        return [batch[self.rank :: self.ranks] for batch in self.sampler.generate(seed)]


def check_budget(budget: int, table: UtteranceTable, ranks: int) -> None:
    """Raise UserError with the longest utterance if a batch cannot contain it once for each process."""
    longest = int(table.num_samples.argmax())
    (utterance,), samples = table.names(np.array([longest])), table.num_samples[longest]
    if samples * ranks > budget:
        processes = f" for one of {ranks} processes" if ranks > 1 else ""
        raise UserError(
            f"utterance {utterance} has {samples} samples, more than a batch of {budget // ranks}{processes}: "
            "raise batch_bins or lower --max_duration_s of stage 2"
        )


def fill_small(batches: list[np.ndarray], at_least: int) -> list[np.ndarray]:
    """Move utterances from the end of a batch to the next one, where that has fewer than `at_least`.

    Args:
        batches: of utterances sorted by length, cut from the shortest on, each but the last with `at_least`.
        at_least: utterances that every batch shall have; as many of the longest must fit into the budget.

    Returns:
        as many batches, within the same budget; only the first may still have fewer.
    """
    ends = np.cumsum([len(batch) for batch in batches])
    for index in reversed(range(len(ends) - 1)):
        ends[index] = min(ends[index], ends[index + 1] - at_least)
    return np.split(np.concatenate(batches), ends[:-1])


def _endless_permutations(members: np.ndarray, random: np.random.Generator) -> Iterator[int]:
    """Every member once in random order, and again: no utterance comes twice before all came once."""
    while True:
        yield from random.permutation(members)
