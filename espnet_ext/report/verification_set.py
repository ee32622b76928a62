"""Score a system's speaker verification on a set: read arrays, hand them to scoring, label the figures."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from espnet_ext.report.results import CONTAMINATED, ResultRow
from espnet_ext.report.systems import System
from espnet_ext.report.trial_scores import CohortSet, TrialScores, calibrate, score_trials
from espnet_ext.report.trial_set import TrialSet, read_trial_set
from espnet_ext.scoring.bootstrap import Bootstrap
from espnet_ext.scoring.leakage import Evaluation
from espnet_ext.scoring.verification import score_verification
from espnet_ext.utils.atomic import write_text_atomic
from espnet_ext.utils.errors import UserError


@dataclass(frozen=True)
class VerificationSet:
    """A set with trial lists.

    Args:
        dump: `dump/<set>`.
        scores_dir: where `<system>/<attribute>/<set>/<protocol>.tsv` is written.
        cohort: for AS-norm, beside plain cosines.
        development: trials that calibration learns from; without them no actDCF and no Cllr.
        contaminated: `<set>` or `<set>/<trials>` whose speakers were seen in training, by a teacher, say.
    """

    dump: Path
    scores_dir: Path
    bootstrap: Bootstrap = field(default_factory=Bootstrap)
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

    def score(self, system: System, evaluation: Evaluation) -> Iterator[ResultRow]:
        """The figures of every trial list; the scores are written, for the DET curves.

        Leakage is told by plain cosines alone, and its scores are not written: nobody draws them.
        """
        attribute, cohort, calibrations = evaluation.attribute, None, {}
        if evaluation.task != "leakage":
            cohort = self.cohort
            if self.development:
                calibrations = calibrate(self.development, system, attribute, cohort)
        speakers = self._trials.speaker_numbers
        for one in score_trials(self._trials, system, attribute, cohort):
            protocol, trials = self._protocol(one), one.trials
            if evaluation.task != "leakage":
                self._write(self.scores_dir / system.name / attribute / self.dump.name / f"{protocol}.tsv", one)
            sides = speakers[trials.enrol], speakers[trials.test]
            calibration = calibrations.get(one.variant)
            try:
                figures = score_verification(protocol, one.scores, trials.labels, *sides, self.bootstrap, calibration)
            except UserError as error:
                raise UserError(f"trials/{trials.name}: {error}") from None
            for figure in figures:
                yield ResultRow(system.name, attribute, evaluation.task, self.dump.name, figure)

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
