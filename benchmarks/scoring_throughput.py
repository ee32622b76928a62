"""EER and minDCF of 580,000 trials against the functions of other toolkits, side by side, same scores.

The trials are as many, and of as many speakers, as those of VoxCeleb1-E. wespeaker is not a package: its formulas are
stated again here in numpy. ESPnet's and SpeechBrain's functions are those of the installed packages; SpeechBrain's
visit every threshold (two for each score), so that they are timed on all trials with rounded scores and their
time is multiplied by how many more thresholds there are.

    tools/venv/bin/python benchmarks/scoring_throughput.py
"""

import argparse
import time
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import torch
from espnet2.utils.eer import ComputeErrorRates, ComputeMinDcf, tuneThresholdfromScore
from speechbrain.utils.metric_stats import EER, minDCF

from espnet_ext.scoring.bootstrap import Bootstrap
from espnet_ext.scoring.roc import sort_trials
from espnet_ext.scoring.verification import score_verification

TRIALS, SPEAKERS, PRIOR = 580_000, 1_251, 0.01
FLOAT32_BYTES = 4


class Trials(NamedTuple):
    """Scores and labels (trials,), and the speakers of both sides."""

    scores: np.ndarray
    labels: np.ndarray
    enrol: np.ndarray
    test: np.ndarray

    def rounded(self, decimals: int) -> "Trials":
        return self._replace(scores=np.round(self.scores, decimals))

    def thresholds(self) -> int:
        """Number of thresholds in SpeechBrain: every score and the midpoints between neighbors."""
        return 2 * len(np.unique(self.scores)) - 1


class Timed(NamedTuple):
    """Result of a function, and its fastest run in seconds and CPU seconds."""

    result: object
    wall_s: float
    cpu_s: float


def make_trials(seed: int) -> Trials:
    """Half target trials, Gaussian scores of about 1 % EER, in random order."""
    rng = np.random.default_rng(seed)
    labels = rng.permutation(np.arange(TRIALS) < TRIALS // 2)
    enrol = rng.integers(0, SPEAKERS, TRIALS)
    other = (enrol + rng.integers(1, SPEAKERS, TRIALS)) % SPEAKERS
    return Trials(rng.normal(0, 1, TRIALS) + 4.6 * labels, labels, enrol, np.where(labels, enrol, other))


def ours(trials: Trials) -> tuple[float, float]:
    roc = sort_trials(trials.scores, trials.labels).plain_roc()
    return roc.eer(), roc.min_dcf(PRIOR)


def ours_with_intervals(trials: Trials) -> tuple[str, str]:
    figures = score_verification("E", *trials, Bootstrap(1000))
    return tuple(f"{figure.value:.4f} [{figure.low:.4f}, {figure.high:.4f}]" for figure in figures[:2])


def wespeaker(trials: Trials) -> tuple[float, float]:
    """Its error rates come from two cumulative sums, its minimum from Python's `min`."""
    labels = trials.labels[np.argsort(trials.scores)]
    misses = np.cumsum(labels) / labels.sum()
    alarms = 1 - np.cumsum(~labels) / (~labels).sum()
    after = np.flatnonzero(misses >= alarms)[0]
    before = np.flatnonzero(misses < alarms)[-1]
    gap = misses - alarms
    eer = misses[after] + gap[after] / (gap[after] - gap[before]) * (misses[before] - misses[after])
    return 100 * eer, min(PRIOR * misses + (1 - PRIOR) * alarms) / PRIOR


def espnet(trials: Trials) -> tuple[float, float]:
    labels = trials.labels.astype(int)
    eer = tuneThresholdfromScore(trials.scores, labels, [1, 0.1])[1]
    cost, _ = ComputeMinDcf(*ComputeErrorRates(trials.scores, labels), PRIOR, 1, 1)
    return eer, cost


def speechbrain(function: Callable, trials: Trials) -> float:
    targets, others = (torch.from_numpy(trials.scores[one]) for one in (trials.labels, ~trials.labels))
    return function(targets, others)[0]


def best_of(rounds: int, function: Callable, *arguments: object) -> Timed:
    runs = []
    for _ in range(rounds):
        wall_s, cpu_s = time.perf_counter(), time.process_time()
        result = function(*arguments)
        runs.append((time.perf_counter() - wall_s, time.process_time() - cpu_s))
    return Timed(result, *np.min(runs, axis=0))


def show(name: str, eer: object, dcf: object, wall_s: float, cpu_s: float) -> None:
    print(f"| {name} | {eer} | {dcf} | {wall_s:.3g} | {cpu_s:.3g} |", flush=True)


def main() -> None:
    """Print one row for each toolkit."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5, help="the fastest counts")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    torch.set_num_threads(1)
    trials = make_trials(args.seed)
    print(f"{TRIALS:,} trials, {SPEAKERS:,} speakers, one thread\n")
    print(f"| function | EER (%) | minDCF({PRIOR}) | s | CPU s |\n|---|---:|---:|---:|---:|")
    for name, function, rounds in (
        ("this repository", ours, args.rounds),
        ("wespeaker's formulas in numpy", wespeaker, args.rounds),
        ("ESPnet", espnet, 1),
    ):
        (eer, dcf), *seconds = best_of(rounds, function, trials)
        show(name, f"{eer:.4f}", f"{dcf:.4f}", *seconds)
    # The matrix of minDCF fits into memory only with few thresholds; EER has no matrix.
    for name, function, decimals in (("EER", EER, 2), ("minDCF", minDCF, 1)):
        few = trials.rounded(decimals)
        factor = trials.thresholds() / few.thresholds()
        value, *seconds = best_of(1, speechbrain, function, few)
        shown = (f"{100 * value:.4f}", "-") if name == "EER" else ("-", f"{value / PRIOR:.4f}")
        label = f"SpeechBrain's {name}, {few.thresholds():,} thresholds, times {factor:,.0f}"
        show(label, *shown, *(factor * one for one in seconds))
    matrix_bytes = trials.thresholds() * TRIALS // 2 * FLOAT32_BYTES
    (eer, dcf), *seconds = best_of(1, ours_with_intervals, trials)
    show("this repository, with intervals of 1,000 resamples", eer, dcf, *seconds)
    print(
        f"\nWith all thresholds, SpeechBrain would allocate a minDCF matrix of {matrix_bytes / 1e12:.1f} TB (float32)."
    )


if __name__ == "__main__":
    main()
