"""A set with trial lists: who speaks, and what is compared with what, as row numbers."""

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


@dataclass(frozen=True, eq=False)  # large arrays: the same set is the same object
class TrialSet:
    """What the trial lists of a set compare.

    utterances: (n,) sorted, those that occur in a trial; speakers: (n,) ids; lists: by name.
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
        """Refuse speakers that the trials compare, too.

        Args:
            where: the set that the speakers are of, and what it is for.

        Raises:
            UserError: says how many there are and names the first.
        """
        both = sorted(set(self.speakers.tolist()) & set(speakers))
        if both:
            raise UserError(
                f"{len(both)} speakers of {self.name} are also in {where}, the first {both[0]}; "
                "it must hold other speakers than those evaluated"
            )


def read_trial_set(dump: Path) -> TrialSet:
    """Read `utt2spk` and `trials/*` of `dump/<set>`.

    Raises:
        UserError: one of them is absent, or what `iter_trials` refuses.
    """
    folder = DataDir(dump)
    speakers, paths = folder.utt2spk, folder.trials()
    if speakers is None:
        raise UserError(f"{dump}: verification needs utt2spk")
    if not paths:
        raise UserError(f"{dump}/trials: no trial list; verification needs one")
    met: dict[str, int] = {}  # utterance -> number in order of appearance
    lists = [_read_list(path, speakers, met) for path in paths.values()]
    utterances = sorted(met)
    # Sorted, they are read from disk in its order.
    place = np.empty(len(met), dtype=np.int64)
    place[[met[utterance] for utterance in utterances]] = np.arange(len(met))
    return TrialSet(
        dump.name,
        utterances,
        np.array([speakers[utterance] for utterance in utterances]),
        [TrialList(one.name, one.labels, place[one.enrol], place[one.test]) for one in lists],
    )


def _read_list(path: Path, speakers: Mapping[str, str], met: dict[str, int]) -> TrialList:
    labels, enrol, test = array("b"), array("l"), array("l")
    for trial in iter_trials(path, speakers):
        labels.append(trial.is_target)
        enrol.append(met.setdefault(trial.enrol, len(met)))
        test.append(met.setdefault(trial.test, len(met)))
    return TrialList(path.name, np.array(labels, dtype=bool), np.array(enrol), np.array(test))
