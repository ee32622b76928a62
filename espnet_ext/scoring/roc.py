"""ROC of weighted trials: trials are sorted once, and the ROC is exact at its corners for any weights."""

from bisect import bisect_left, bisect_right
from dataclasses import dataclass

import numpy as np

from espnet_ext.utils.errors import UserError


@dataclass(frozen=True)
class Roc:
    """Error rates from "accept none" (corner 0) to "accept all"; trials with equal scores are accepted together.

    hits, alarms: (steps + 1,) accepted weight of targets or non-targets after each step of the class.
    corner_hits, corner_alarms: (corners,) number of steps of each class before a corner.
    """

    hits: np.ndarray
    alarms: np.ndarray
    corner_hits: np.ndarray
    corner_alarms: np.ndarray

    def miss_rates(self, corners: slice | int = slice(None)) -> np.ndarray:
        """False rejection rates, at some corners or all."""
        return (self.hits[-1] - self.hits[self.corner_hits[corners]]) / self.hits[-1]

    def alarm_rates(self, corners: slice | int = slice(None)) -> np.ndarray:
        """False acceptance rates, at some corners or all."""
        return self.alarms[self.corner_alarms[corners]] / self.alarms[-1]

    @property
    def has_both_classes(self) -> bool:
        """Whether there are rates: a resample may contain trials of one class only."""
        return bool(self.hits[-1] > 0 and self.alarms[-1] > 0)

    def eer(self) -> float:
        """EER in percent, by linear interpolation between the two corners around equal false alarm and miss rates.

        50 if all scores tie, 100 for a perfectly inverted system.
        """
        # The first corner accepts nothing and has a gap of -1, so `after` is at least 1.
        after = bisect_left(range(len(self.corner_hits)), 0.0, key=self._gap)
        gap, miss = self._gap(after - 1), self.miss_rates(after - 1)
        step = -gap / (self._gap(after) - gap)
        return 100.0 * float(miss + step * (self.miss_rates(after) - miss))

    def _gap(self, corner: int) -> float:
        return float(self.alarm_rates(corner) - self.miss_rates(corner))

    def min_dcf(self, prior: float) -> float:
        """Normalized minDCF: lowest detection cost, divided by that of the better blind decision; C_miss = C_fa = 1."""
        blind = min(prior, 1.0 - prior)
        # Skip corners where one kind of error already costs more than a blind decision.
        corners = range(len(self.corner_hits))
        first = bisect_left(corners, -blind, key=lambda corner: -prior * float(self.miss_rates(corner)))
        last = bisect_right(corners, blind, key=lambda corner: (1.0 - prior) * float(self.alarm_rates(corner)))
        cheap = slice(first, last)
        return float((prior * self.miss_rates(cheap) + (1.0 - prior) * self.alarm_rates(cheap)).min()) / blind


@dataclass(frozen=True)
class SortedClass:
    """Trials of one class by decreasing score, and the steps in which they are accepted.

    trials: their indices in the list; starts: (steps,) first trial of each step;
    corners: (corners,) number of steps before each corner of the ROC.
    """

    trials: np.ndarray
    starts: np.ndarray
    corners: np.ndarray

    @classmethod
    def of(cls, trials: np.ndarray, accepted: np.ndarray) -> "SortedClass":
        """Find the steps, given the number of `trials` that are `accepted` (corners,) at each corner."""
        moves = np.diff(accepted, prepend=-1) > 0
        return cls(trials, accepted[moves][:-1], np.cumsum(moves) - 1)

    def accumulate(self, weights: np.ndarray) -> np.ndarray:
        """Accepted weight after 0, 1, 2 ... steps (steps + 1,), given weights in the order of `trials`."""
        return np.append(0.0, np.cumsum(np.add.reduceat(weights, self.starts)))


@dataclass(frozen=True)
class SortedTrials:
    """Both classes of a trial list."""

    targets: SortedClass
    nontargets: SortedClass

    def roc(self, target_weights: np.ndarray, nontarget_weights: np.ndarray) -> Roc:
        """ROC of weighted trials; the weights are in the order of each class's `trials`."""
        return Roc(
            self.targets.accumulate(target_weights),
            self.nontargets.accumulate(nontarget_weights),
            self.targets.corners,
            self.nontargets.corners,
        )

    def plain_roc(self) -> Roc:
        """ROC with weight one for every trial."""
        return self.roc(*(np.ones(len(one.trials)) for one in (self.targets, self.nontargets)))


def sort_trials(scores: np.ndarray, labels: np.ndarray) -> SortedTrials:
    """Sort trials and find the corners of their ROC.

    Args:
        scores: (trials,), larger is more likely the same speaker.
        labels: (trials,) bool, True for a target trial.

    Raises:
        UserError: a score that is not finite, or a class without trials.
    """
    broken = np.flatnonzero(~np.isfinite(scores))
    if broken.size:
        trial, score = broken[0] + 1, scores[broken[0]]
        raise UserError(f"the score of trial {trial} is {score}, not a finite number; extract the embeddings again")
    for label, name in ((True, "target"), (False, "non-target")):
        if not (labels == label).any():
            raise UserError(f"the list has no {name} trial; error rates need trials of both classes")
    order = np.argsort(scores)[::-1]
    is_target = labels[order]
    ends = _corners(scores[order], is_target)
    hits = np.append(0, np.cumsum(is_target)[ends - 1])
    return SortedTrials(
        SortedClass.of(order[is_target], hits), SortedClass.of(order[~is_target], np.append(0, ends) - hits)
    )


def _corners(scores: np.ndarray, is_target: np.ndarray) -> np.ndarray:
    """Number of accepted trials at the end of each straight segment of the ROC of sorted trials.

    A group of equal scores is one segment. Adjacent groups with only targets, or only non-targets, lie on one vertical
    or horizontal line for any weights. Merging them makes resampling ten times faster.
    """
    ends = np.append(np.flatnonzero(np.diff(scores)) + 1, len(scores))
    targets = np.diff(np.cumsum(is_target)[ends - 1], prepend=0)
    # 1: only targets; 0: only non-targets; 2: both.
    kind = np.where(targets == 0, 0, np.where(targets == np.diff(ends, prepend=0), 1, 2))
    continues = (kind[:-1] == kind[1:]) & (kind[:-1] != 2)
    return ends[np.append(~continues, True)]
