"""A set with trial lists: speakers and pairs of utterances, as row numbers."""

from array import array
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from espnet_ext.kaldi.data_dir import DataDir
from espnet_ext.kaldi.trials import iter_trials
from espnet_ext.utils.errors import UserError


@dataclass(frozen=True)
class TrialList:
    """One trial list: labels (trials,) bool, True for a target trial; enrol, test: (trials,) utterance numbers."""

    name: str
    labels: np.ndarray
    enrol: np.ndarray
    test: np.ndarray


@dataclass(frozen=True, eq=False)  # compared by identity: the arrays are large
class TrialSet:
    """Trial lists of a set.

    utterances: (n,) sorted ids of the utterances in trials; speakers: (n,) ids; lists: sorted by name.
    """

    name: str
    utterances: list[str]
    speakers: np.ndarray
    lists: list[TrialList]

    @cached_property
    def speaker_numbers(self) -> np.ndarray:
        """(n,) int, in the order of the speakers' ids."""
        return np.unique(self.speakers, return_inverse=True)[1]

    def check_disjoint(self, speakers: Iterable[str], where: str) -> None:
        """Check that none of `speakers` occurs in the trials.

        Args:
            where: the set of these speakers and its purpose, for the error.

        Raises:
            UserError: reports the number of common speakers and the first one.
        """
        both = sorted(set(self.speakers.tolist()) & set(speakers))
        if both:
            raise UserError(
                f"{len(both)} speakers of {self.name} are also in {where}, the first {both[0]}; "
                "use a set with other speakers"
            )


def read_trial_set(dump: Path) -> TrialSet:
    """Read `utt2spk` and `trials/*` of `dump/<set>`.

    Raises:
        UserError: one of them is absent, or a trial is invalid (see `iter_trials`).
    """
    folder = DataDir(dump)
    speakers, paths = folder.utt2spk, folder.trials()
    if speakers is None:
        raise UserError(f"{dump}: verification needs utt2spk")
    if not paths:
        raise UserError(f"{dump}/trials: no trial list; verification needs one")
    names = sorted(speakers)
    numbers = {name: number for number, name in enumerate(names)}
    lists = [_read_list(path, numbers) for path in paths.values()]
    used = np.unique(np.concatenate([side for one in lists for side in (one.enrol, one.test)]))
    utterances = [names[number] for number in used]
    return TrialSet(
        dump.name,
        utterances,
        np.array([speakers[utterance] for utterance in utterances]),
        [
            TrialList(one.name, one.labels, np.searchsorted(used, one.enrol), np.searchsorted(used, one.test))
            for one in lists
        ],
    )


def _read_list(path: Path, numbers: Mapping[str, int]) -> TrialList:
    labels, enrol, test = array("b"), array("l"), array("l")
    for trial in iter_trials(path, numbers):
        labels.append(trial.is_target)
        enrol.append(numbers[trial.enrol])
        test.append(numbers[trial.test])
    return TrialList(path.name, np.array(labels, dtype=bool), np.array(enrol), np.array(test))
