"""The plain ROC of weighted trials: sorted once, exact at its corners under any weights."""

from bisect import bisect_left, bisect_right
from dataclasses import dataclass

import numpy as np

from espnet_ext.utils.errors import UserError


@dataclass(frozen=True)
class Roc:
    """Error rates from "accept none" (corner 0) to "accept all"; trials of equal score move together.

    hits, alarms: (steps + 1,) weight of the targets or non-targets accepted after so many steps of
    their class; corner_hits, corner_alarms: (corners,) how many steps have been made at a corner.
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
        """False for a resample that drew trials of one class only: it has no rates."""
        return bool(self.hits[-1] > 0 and self.alarms[-1] > 0)

    def eer(self) -> float:
        """EER in percent: where the line between two neighbouring corners meets alarms = misses.

        All scores tied give 50, a perfectly inverted system 100.
        """
        # The first corner accepts nothing: its gap is -1, so there is always one before.
        after = bisect_left(range(len(self.corner_hits)), 0.0, key=self._gap)
        gap, miss = self._gap(after - 1), self.miss_rates(after - 1)
        step = -gap / (self._gap(after) - gap)
        return 100.0 * float(miss + step * (self.miss_rates(after) - miss))

    def _gap(self, corner: int) -> float:
        return float(self.alarm_rates(corner) - self.miss_rates(corner))

    def min_dcf(self, prior: float) -> float:
        """Lowest detection cost over that of the better blind decision; C_miss = C_fa = 1."""
        blind = min(prior, 1.0 - prior)
        # Corners that cost more than deciding blindly, by one kind of error alone, need no look.
        corners = range(len(self.corner_hits))
        first = bisect_left(corners, -blind, key=lambda corner: -prior * self.miss_rates(corner))
        last = bisect_right(corners, blind, key=lambda corner: (1.0 - prior) * self.alarm_rates(corner))
        cheap = slice(first, last)
        return float((prior * self.miss_rates(cheap) + (1.0 - prior) * self.alarm_rates(cheap)).min()) / blind


@dataclass(frozen=True)
class SortedClass:
    """The trials of one class by falling score, and the steps in which they are accepted.

    trials: where they stand in the list; starts: (steps,) the first trial of each step;
    corners: (corners,) how many steps have been made at each corner of the ROC.
    """

    trials: np.ndarray
    starts: np.ndarray
    corners: np.ndarray

    @classmethod
    def of(cls, trials: np.ndarray, accepted: np.ndarray) -> "SortedClass":
        """From how many of the `trials` are `accepted` (corners,) at each corner."""
        moves = np.diff(accepted, prepend=-1) > 0
        return cls(trials, accepted[moves][:-1], np.cumsum(moves) - 1)

    def accumulate(self, weights: np.ndarray) -> np.ndarray:
        """Weight accepted after 0, 1, 2 ... steps, of weights in the order of `trials`: (steps + 1,)."""
        return np.append(0.0, np.cumsum(np.add.reduceat(weights, self.starts)))


@dataclass(frozen=True)
class SortedTrials:
    """Both classes of a list of trials; gives their ROC under any weights."""

    targets: SortedClass
    nontargets: SortedClass

    def roc(self, target_weights: np.ndarray, nontarget_weights: np.ndarray) -> Roc:
        """The ROC when trials count so often: weights in the order of `trials` of the classes."""
        return Roc(
            self.targets.accumulate(target_weights),
            self.nontargets.accumulate(nontarget_weights),
            self.targets.corners,
            self.nontargets.corners,
        )

    def plain_roc(self) -> Roc:
        """Every trial counts once."""
        return self.roc(*(np.ones(len(one.trials)) for one in (self.targets, self.nontargets)))


def sort_trials(scores: np.ndarray, labels: np.ndarray) -> SortedTrials:
    """Sort trials and find the corners of their ROC.

    Args:
        scores: (trials,), larger is more likely the same speaker.
        labels: (trials,) bool, True for a target trial.

    Raises:
        UserError: a score that is not finite, or a class without trials.
    """
    _check(scores, labels)
    order = np.argsort(scores)[::-1]
    is_target = labels[order]
    ends = _corners(scores[order], is_target)
    hits = np.append(0, np.cumsum(is_target)[ends - 1])
    return SortedTrials(
        SortedClass.of(order[is_target], hits), SortedClass.of(order[~is_target], np.append(0, ends) - hits)
    )


def _corners(scores: np.ndarray, is_target: np.ndarray) -> np.ndarray:
    """How many trials are accepted at the end of each straight piece of the ROC of sorted trials.

    A group of equal scores is one piece. Neighbouring groups of one class alone lie on one
    horizontal or vertical line, whatever the weights: as one piece they cost a tenth.
    """
    ends = np.append(np.flatnonzero(np.diff(scores)) + 1, len(scores))
    targets = np.diff(np.cumsum(is_target)[ends - 1], prepend=0)
    # 1 for targets alone, 0 for non-targets alone, 2 for both.
    kind = np.where(targets == 0, 0, np.where(targets == np.diff(ends, prepend=0), 1, 2))
    continues = (kind[:-1] == kind[1:]) & (kind[:-1] != 2)
    return ends[np.append(~continues, True)]


def _check(scores: np.ndarray, labels: np.ndarray) -> None:
    broken = np.flatnonzero(~np.isfinite(scores))
    if broken.size:
        raise UserError(f"the score of trial {broken[0] + 1} is {scores[broken[0]]}, not a number to rank by")
    for label, name in ((True, "target"), (False, "non-target")):
        if not (labels == label).any():
            raise UserError(f"the list has no {name} trial; error rates need trials of both classes")
