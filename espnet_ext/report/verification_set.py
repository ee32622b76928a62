"""Score a system's speaker verification on a set: read arrays, hand them to scoring, label the figures."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np

from espnet_ext.data.atomic import write_text_atomic
from espnet_ext.data.data_dir import DataDir
from espnet_ext.errors import UserError
from espnet_ext.report.inputs import TrialList, read_trials
from espnet_ext.report.results import ResultRow
from espnet_ext.report.systems import System
from espnet_ext.scoring.bootstrap import Bootstrap
from espnet_ext.scoring.figure import Figure
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
    def _speakers(self) -> dict[str, str]:
        speakers = DataDir(self.dump).utt2spk
        if speakers is None:
            raise UserError(f"{self.dump}: verification needs utt2spk")
        return speakers

    @cached_property
    def _trials(self) -> list[TrialList]:
        paths = DataDir(self.dump).trials()
        if not paths:
            raise UserError(f"{self.dump}/trials: no trial list; verification needs one")
        return [read_trials(path, self._speakers) for path in paths.values()]

    def score(self, system: System, evaluation: Evaluation) -> Iterator[ResultRow]:
        """EER and minDCF of every trial list; the scores are written for the DET curves."""
        needed = sorted({name for trials in self._trials for name in (*trials.enrol, *trials.test)})
        vectors = system.embeddings(self.dump.name, evaluation.attribute, needed)
        if len(vectors) < len(needed):
            missing = next(name for name in needed if name not in vectors)
            print(
                f"{system.name}: {len(needed) - len(vectors)} utterances of {self.dump.name} have no "
                f"{evaluation.attribute} vector, the first {missing}; its trials are not scored"
            )
            return
        rows = unit_rows(np.stack([vectors[name] for name in needed]), needed)
        index = {name: row for row, name in enumerate(needed)}
        for trials in self._trials:
            sides = (np.array([index[name] for name in side]) for side in (trials.enrol, trials.test))
            scores = paired_cosines(rows, *sides)
            self._write(f"{system.name}/{evaluation.attribute}", trials, scores)
            for figure in self._figures(trials, scores):
                yield ResultRow(system.name, evaluation.attribute, evaluation.task, self.dump.name, figure)

    def _figures(self, trials: TrialList, scores: np.ndarray) -> list[Figure]:
        speakers = ([self._speakers[name] for name in side] for side in (trials.enrol, trials.test))
        return score_verification(
            trials.name, scores, trials.labels, *speakers, self.bootstrap.resamples, self.bootstrap.seed
        )

    def _write(self, folder: str, trials: TrialList, scores: np.ndarray) -> None:
        lines = ["enrol\ttest\tlabel\tscore"]
        lines += [
            f"{enrol}\t{test}\t{label:d}\t{score:.9f}"
            for enrol, test, label, score in zip(
                trials.enrol, trials.test, trials.labels, scores.tolist(), strict=True
            )
        ]
        path = self.scores_dir / folder / self.dump.name / f"{trials.name}.tsv"
        write_text_atomic(path, "\n".join(lines) + "\n")
