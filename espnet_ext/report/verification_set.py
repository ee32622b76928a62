"""Score a system's speaker verification on a set: read arrays, hand them to scoring, label the figures."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np

from espnet_ext.data.atomic import write_text_atomic
from espnet_ext.report.results import ResultRow
from espnet_ext.report.systems import System
from espnet_ext.report.trial_set import TrialList, TrialSet, read_trial_set
from espnet_ext.scoring.bootstrap import Bootstrap
from espnet_ext.scoring.leakage import Evaluation
from espnet_ext.scoring.similarity import paired_cosines, unit_rows
from espnet_ext.scoring.verification import score_verification


@dataclass(frozen=True)
class VerificationSet:
    """A set with trial lists.

    Args:
        dump: `dump/<set>`.
        scores_dir: where `<system>/<attribute>/<set>/<trials>.tsv` is written.
    """

    dump: Path
    scores_dir: Path
    bootstrap: Bootstrap = field(default_factory=Bootstrap)

    @cached_property
    def _trials(self) -> TrialSet:
        return read_trial_set(self.dump)

    def score(self, system: System, evaluation: Evaluation) -> Iterator[ResultRow]:
        """EER and minDCF of every trial list; the scores are written for the DET curves."""
        needed, speakers = self._trials.utterances, self._trials.speakers
        vectors = system.embeddings(self.dump.name, evaluation.attribute, needed)
        if len(vectors.names) < len(needed):
            missing = next(name for name in needed if name not in set(vectors.names))
            print(
                f"{system.name}: {len(needed) - len(vectors.names)} utterances of {self.dump.name} have no "
                f"{evaluation.attribute} vector, the first {missing}; its trials are not scored"
            )
            return
        rows = unit_rows(vectors.rows, vectors.names)
        for trials in self._trials.lists:
            scores = paired_cosines(rows, trials.enrol, trials.test)
            self._write(f"{system.name}/{evaluation.attribute}", trials, scores)
            sides = speakers[trials.enrol], speakers[trials.test]
            options = self.bootstrap.resamples, self.bootstrap.seed
            for figure in score_verification(trials.name, scores, trials.labels, *sides, *options):
                yield ResultRow(system.name, evaluation.attribute, evaluation.task, self.dump.name, figure)

    def _write(self, folder: str, trials: TrialList, scores: np.ndarray) -> None:
        names = self._trials.utterances
        columns = (trials.enrol.tolist(), trials.test.tolist(), trials.labels.tolist(), scores.tolist())
        lines = ["enrol\ttest\tlabel\tscore"]
        lines += [
            f"{names[enrol]}\t{names[test]}\t{label:d}\t{score:.9f}"
            for enrol, test, label, score in zip(*columns, strict=True)
        ]
        path = self.scores_dir / folder / self.dump.name / f"{trials.name}.tsv"
        write_text_atomic(path, "\n".join(lines) + "\n")
