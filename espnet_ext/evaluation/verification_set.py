"""Evaluation of a system's speaker verification on a set: cosines, AS-norm with a cohort, and their calibration."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import NamedTuple

import numpy as np

from espnet_ext.evaluation.plan import Evaluation
from espnet_ext.evaluation.results import AS_NORM, CONTAMINATED
from espnet_ext.evaluation.systems import System
from espnet_ext.evaluation.trial_set import TrialList, TrialSet, read_trial_set
from espnet_ext.kaldi.data_dir import DataDir
from espnet_ext.scoring.bootstrap import DEFAULT_BOOTSTRAP, Bootstrap, Score
from espnet_ext.scoring.calibration import Calibration, fit_calibration
from espnet_ext.scoring.rows import UnitRows, pair_cosines
from espnet_ext.scoring.score_norm import TOP_SPEAKERS, score_cohort, speaker_means
from espnet_ext.scoring.verification import score_verification
from espnet_ext.utils.atomic import write_text_atomic
from espnet_ext.utils.errors import UserError


class TrialScores(NamedTuple):
    """Scores (trials,) of a list; `variant` is AS_NORM, or empty for plain cosines."""

    variant: str
    trials: TrialList
    scores: np.ndarray


@dataclass(frozen=True, eq=False)  # compared by identity: cached values belong to one run
class CohortSet:
    """Training set `dump/<set>` whose speakers' mean embeddings are the cohort of AS-norm."""

    dump: Path

    def speakers(self) -> dict[str, str]:
        """Utterance -> speaker."""
        speakers = DataDir(self.dump).utt2spk
        if speakers is None:
            raise UserError(f"{self.dump}: a cohort needs utt2spk")
        return speakers


@lru_cache(maxsize=1)  # all sets of a system and attribute, and the calibration, use the same cohort
def read_cohort(cohort: CohortSet, system: System, attribute: str) -> np.ndarray | None:
    """The cohort's (speakers, dim) unit rows; None, with a printed line, if the system has no vectors of it."""
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
        print(f"{cohort.dump.name}: a cohort of {len(means)} speakers, fewer than {TOP_SPEAKERS}; AS-norm uses all")
    return means


def score_trials(
    trial_set: TrialSet, system: System, attribute: str, cohort: CohortSet | None
) -> Iterator[TrialScores]:
    """Score every list of a set; nothing, with a printed line, if an utterance of a trial has no vector.

    Raises:
        UserError: see `System.embeddings` and `UnitRows.of`.
    """
    utterances = trial_set.utterances
    vectors = system.embeddings(trial_set.name, attribute, utterances)
    if len(vectors.names) < len(utterances):
        missing = min(set(utterances) - set(vectors.names))
        print(
            f"{system.name}: {len(utterances) - len(vectors.names)} utterances of {trial_set.name} have no "
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
            yield TrialScores(AS_NORM, trials, in_cohort.normalize(cosines, trials.enrol, trials.test))


@lru_cache(maxsize=1)
def calibrate(trial_set: TrialSet, system: System, attribute: str, cohort: CohortSet | None) -> dict[str, Calibration]:
    """Variant -> its calibration, fitted on all trials of a set of other speakers."""
    scored = list(score_trials(trial_set, system, attribute, cohort))
    calibrations = {}
    for variant in {one.variant for one in scored}:
        own = [one for one in scored if one.variant == variant]
        scores = np.concatenate([one.scores for one in own])
        calibrations[variant] = fit_calibration(scores, np.concatenate([one.trials.labels for one in own]))
    return calibrations


@dataclass(frozen=True)
class VerificationSet:
    """A set with trial lists.

    Args:
        dump: `dump/<set>`.
        scores_dir: folder for `<system>/<attribute>/<set>/<protocol>.tsv`.
        cohort: for AS-norm, in addition to plain cosines.
        development: trials that the calibration is fitted on; without them there is no actDCF and no Cllr.
        contaminated: `<set>` or `<set>/<trials>` whose speakers were seen in training, for instance by a teacher.
    """

    dump: Path
    scores_dir: Path
    bootstrap: Bootstrap = DEFAULT_BOOTSTRAP
    cohort: CohortSet | None = None
    development: TrialSet | None = None
    contaminated: Collection[str] = ()

    @cached_property
    def _trials(self) -> TrialSet:
        trials = read_trial_set(self.dump)
        if self.cohort:
            trials.check_disjoint(self.cohort.speakers().values(), f"the cohort set {self.cohort.dump.name}")
        if self.development:
            trials.check_disjoint(self.development.speakers, f"the calibration set {self.development.name}")
        return trials

    def score(self, system: System, evaluation: Evaluation) -> Iterator[Score]:
        """Scores of every trial list; the trials' scores are written to files, for the DET curves.

        Leakage uses only plain cosines, and writes no files because there are no plots of it.
        """
        attribute, is_own = evaluation.attribute, evaluation.task != "leakage"
        cohort = self.cohort if is_own else None
        calibrations = {}
        if is_own and self.development:
            calibrations = calibrate(self.development, system, attribute, cohort)
        speakers = self._trials.speaker_numbers
        for one in score_trials(self._trials, system, attribute, cohort):
            protocol, trials = self._protocol(one), one.trials
            if is_own:
                self._write(self.scores_dir / system.name / attribute / self.dump.name / f"{protocol}.tsv", one)
            sides = speakers[trials.enrol], speakers[trials.test]
            calibration = calibrations.get(one.variant)
            try:
                yield from score_verification(protocol, one.scores, trials.labels, *sides, self.bootstrap, calibration)
            except UserError as error:
                raise UserError(f"trials/{trials.name}: {error}") from None

    def _protocol(self, one: TrialScores) -> str:
        names = {self.dump.name, f"{self.dump.name}/{one.trials.name}"}
        return one.trials.name + one.variant + (CONTAMINATED if names & set(self.contaminated) else "")

    def _write(self, path: Path, one: TrialScores) -> None:
        names, trials = self._trials.utterances, one.trials
        columns = (trials.enrol.tolist(), trials.test.tolist(), trials.labels.tolist(), one.scores.tolist())
        lines = ["enrol\ttest\tlabel\tscore"]
        lines += [
            f"{names[enrol]}\t{names[test]}\t{label:d}\t{score:.9f}"
            for enrol, test, label, score in zip(*columns, strict=True)
        ]
        write_text_atomic(path, "\n".join(lines) + "\n")
