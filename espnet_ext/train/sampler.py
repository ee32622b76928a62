"""Batches that balance languages and waste little on padding, at the same time."""

from collections.abc import Iterator, Mapping

import numpy as np
from espnet2.samplers.abs_sampler import AbsSampler

from espnet_ext.data.batching import cut_batches, sorted_batches
from espnet_ext.errors import UserError


def language_shares(counts: np.ndarray, alpha: float) -> np.ndarray:
    """Sampling share of each language, p^alpha renormalised, p its share of utterances (SAMU-XLSR, eq. 3).

    Args:
        counts: (languages,) utterances of each language.
        alpha: 1 = as the data are, 0 = all languages alike.
    """
    shares = (counts / counts.sum()) ** alpha
    return shares / shares.sum()


class BalancedLengthSampler(AbsSampler):
    """Draw languages by temperature, then sort within a window and cut batches of a fixed budget.

    `generate(seed)` depends on nothing but the seed, so a resumed or a distributed run sees the same batches.

    Args:
        num_samples: utterance -> length in samples.
        utt2lang: utterance -> language.
        budget: samples of one batch, padding included.
        num_batches: batches of one epoch.
        alpha: exponent of the language shares.
        window: utterances that are sorted by length together.
    """

    def __init__(
        self,
        num_samples: Mapping[str, int],
        utt2lang: Mapping[str, str],
        budget: int,
        num_batches: int,
        alpha: float = 1.0,
        window: int = 2048,
    ) -> None:
        self.utterances = np.array(sorted(num_samples))
        self.num_samples = np.array([num_samples[utterance] for utterance in self.utterances])
        refuse_longer_than(budget, self.utterances, self.num_samples)
        languages, self.language = np.unique([utt2lang[u] for u in self.utterances], return_inverse=True)
        self.shares = language_shares(np.bincount(self.language), alpha)
        self.members = [np.flatnonzero(self.language == index) for index in range(len(languages))]
        self.budget, self.num_batches, self.window = budget, num_batches, window

    def __len__(self) -> int:
        return self.num_batches

    def __iter__(self) -> Iterator[tuple[str, ...]]:
        return iter(self.generate(0))

    def generate(self, seed: int) -> list[tuple[str, ...]]:
        """Batches of utterance ids of one epoch; `seed` is ESPnet's seed + epoch."""
        random = np.random.default_rng(seed)
        decks = [_endless_permutations(members, random) for members in self.members]
        batches: list[np.ndarray] = []
        while len(batches) < self.num_batches:
            drawn = random.choice(len(decks), size=self.window, p=self.shares)
            order = np.array([next(decks[language]) for language in drawn])
            order = order[np.argsort(self.num_samples[order], kind="stable")]
            windowed = cut_batches(order, self.num_samples, self.budget)
            random.shuffle(windowed)
            batches += windowed
        return [tuple(self.utterances[batch].tolist()) for batch in batches[: self.num_batches]]


class SortedSampler(AbsSampler):
    """Every utterance once, by length, in batches of a fixed budget: for validation.

    Args:
        num_samples: utterance -> length in samples.
        budget: samples of one batch, padding included.
    """

    def __init__(self, num_samples: Mapping[str, int], budget: int) -> None:
        utterances = np.array(sorted(num_samples))
        lengths = np.array([num_samples[utterance] for utterance in utterances])
        refuse_longer_than(budget, utterances, lengths)
        self.batches = [tuple(utterances[batch].tolist()) for batch in sorted_batches(lengths, budget)]

    def __len__(self) -> int:
        return len(self.batches)

    def __iter__(self) -> Iterator[tuple[str, ...]]:
        return iter(self.batches)


def refuse_longer_than(budget: int, utterances: np.ndarray, num_samples: np.ndarray) -> None:
    """UserError that names the longest utterance when it does not fit into a batch."""
    longest = int(num_samples.argmax())
    if num_samples[longest] > budget:
        raise UserError(
            f"utterance {utterances[longest]} has {num_samples[longest]} samples, more than a batch of {budget}: "
            "raise batch_bins or lower --max_duration_s of stage 2"
        )


def _endless_permutations(members: np.ndarray, random: np.random.Generator) -> Iterator[int]:
    """Every member once in random order, and again: no utterance comes twice before all came once."""
    while True:
        yield from random.permutation(members)
