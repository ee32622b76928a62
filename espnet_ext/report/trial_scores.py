"""Scores of a set's trials by one system's embeddings: cosines, AS-norm with a cohort, their calibration."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import numpy as np

from espnet_ext.kaldi.data_dir import DataDir
from espnet_ext.report.results import AS_NORM
from espnet_ext.report.systems import System
from espnet_ext.report.trial_set import TrialList, TrialSet
from espnet_ext.scoring.calibration import Calibration, fit_calibration
from espnet_ext.scoring.rows import UnitRows, pair_cosines
from espnet_ext.scoring.score_norm import TOP_SPEAKERS, score_cohort, speaker_means
from espnet_ext.utils.errors import UserError


class TrialScores(NamedTuple):
    """Scores (trials,) of a list: plain cosines, or the `variant` AS_NORM."""

    variant: str
    trials: TrialList
    scores: np.ndarray


@dataclass(frozen=True, eq=False)  # by identity: what is kept of one run is not another's
class CohortSet:
    """Training speakers whose mean embeddings are the cohort of AS-norm: `dump/<set>`, several utterances each."""

    dump: Path

    def speakers(self) -> dict[str, str]:
        """Utterance -> speaker."""
        speakers = DataDir(self.dump).utt2spk
        if speakers is None:
            raise UserError(f"{self.dump}: a cohort needs utt2spk")
        return speakers


@lru_cache(maxsize=1)  # the next set and the trials of development use the same one
def read_cohort(cohort: CohortSet, system: System, attribute: str) -> np.ndarray | None:
    """The cohort's (speakers, dim) unit rows; None, with a line that says so, where the system has no vectors."""
    speakers = cohort.speakers()
    vectors = system.embeddings(cohort.dump.name, attribute, list(speakers))
    if len(vectors.names) < len(speakers):
        print(
            f"{system.name}: {len(speakers) - len(vectors.names)} of {len(speakers)} utterances of the cohort "
            f"{cohort.dump.name} have no {attribute} vector" + ("" if vectors.names else "; AS-norm is not scored")
        )
    if not vectors.names:
        return None
    rows = UnitRows.of(vectors.rows, vectors.names)
    means = speaker_means(rows, np.array([speakers[name] for name in vectors.names]))
    if len(means) < TOP_SPEAKERS:
        print(f"{cohort.dump.name}: a cohort of {len(means)} speakers, fewer than {TOP_SPEAKERS}; AS-norm takes all")
    return means


def score_trials(
    trial_set: TrialSet, system: System, attribute: str, cohort: CohortSet | None
) -> Iterator[TrialScores]:
    """Score every list of a set; nothing, with a line that says why, where a trial's utterance has no vector.

    Raises:
        UserError: what `System.embeddings` and `UnitRows.of` refuse.
    """
    needed = trial_set.utterances
    vectors = system.embeddings(trial_set.name, attribute, needed)
    if len(vectors.names) < len(needed):
        missing = min(set(needed) - set(vectors.names))
        print(
            f"{system.name}: {len(needed) - len(vectors.names)} utterances of {trial_set.name} have no "
            f"{attribute} vector, the first {missing}; its trials are not scored"
        )
        return
    rows = UnitRows.of(vectors.rows, vectors.names)
    means = read_cohort(cohort, system, attribute) if cohort else None
    in_cohort = score_cohort(rows, means) if means is not None else None
    for trials in trial_set.lists:
        cosines = pair_cosines(rows, rows, trials.enrol, trials.test)
        yield TrialScores("", trials, cosines)
        if in_cohort:
            yield TrialScores(AS_NORM, trials, in_cohort.normalise(cosines, trials.enrol, trials.test))


@lru_cache(maxsize=1)
def calibrate(trial_set: TrialSet, system: System, attribute: str, cohort: CohortSet | None) -> dict[str, Calibration]:
    """A calibration for each variant, learnt on all trials of a set of other speakers."""
    scored = list(score_trials(trial_set, system, attribute, cohort))
    calibrations = {}
    for variant in {one.variant for one in scored}:
        own = [one for one in scored if one.variant == variant]
        columns = ([one.scores for one in own], [one.trials.labels for one in own])
        calibrations[variant] = fit_calibration(*map(np.concatenate, columns))
    return calibrations
