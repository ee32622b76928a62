"""Score what a system's own classifier or regression says of a set: read, hand to scoring, label the figures."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from espnet_ext.config.attributes import TargetConfig
from espnet_ext.report.labels import Labels, read_labels, speakers_of
from espnet_ext.report.predictions import Predictions
from espnet_ext.report.results import ResultRow
from espnet_ext.report.systems import System
from espnet_ext.scoring.bootstrap import Bootstrap
from espnet_ext.scoring.classification import Answers, score_classification
from espnet_ext.scoring.figure import Figure
from espnet_ext.scoring.leakage import Evaluation
from espnet_ext.scoring.regression import Estimates, score_regression
from espnet_ext.utils.atomic import write_text_atomic
from espnet_ext.utils.errors import UserError
from espnet_ext.utils.printable import printable

PROTOCOL = "classifier"
CONFUSION = "confusion.tsv"


@dataclass(frozen=True)
class LabelSet:
    """A set with labels.

    Args:
        dump: `dump/<set>`, with `utt2<label>` and, for the intervals, `utt2spk`.
        targets: attribute -> its declaration, which names the file of labels.
        scores_dir: where `<system>/<attribute>/<set>/confusion.tsv` is written.
    """

    dump: Path
    targets: Mapping[str, TargetConfig]
    scores_dir: Path
    bootstrap: Bootstrap = field(default_factory=Bootstrap)

    def fault(self, attribute: str) -> str | None:
        """Why the attribute's labels cannot be scored here, if they cannot."""
        different = np.unique(self._labels(attribute).values)
        if len(different) < 2:
            which = f"all labels are `{different[0]}`" if len(different) else "there are no labels"
            return f"{self._file(attribute)}: {which}, but scoring needs two different ones"
        return None

    def _file(self, attribute: str) -> Path:
        return self.dump / self.targets[attribute].labels

    def _labels(self, attribute: str) -> Labels:
        return read_labels(self.dump, self.targets[attribute].labels)

    def score(self, system: System, evaluation: Evaluation) -> Iterator[ResultRow]:
        """Figures of one attribute; nothing, with a line that says so, without a classifier of its own.

        Raises:
            UserError: a label that the model cannot know, or one that is no number.
        """
        attribute, part = evaluation.attribute, self.dump.name
        if self.fault(attribute):  # said before, once for all systems
            return
        labels = self._labels(attribute)
        predictions = system.predictions(part, attribute, labels.names.tolist())
        if predictions is None:
            print(f"{system.name}: no {attribute}.logits.scp for {part}; no classifier of its own is scored")
            return
        if evaluation.rule == "regression":
            figures = self._score_numbers(attribute, labels, predictions)
        else:
            confusion = self.scores_dir / system.name / attribute / part / CONFUSION
            figures = self._score_classes(attribute, labels, predictions, confusion)
        if not figures:
            print(f"{system.name}: fewer than two of {attribute}'s classes in {part} are known; not scored there")
        elif labels.num_missing:
            figures.append(Figure(PROTOCOL, "unlabelled", labels.num_missing, figures[0].n))
        for figure in figures:
            yield ResultRow(system.name, attribute, evaluation.task, part, figure)

    def _score_classes(self, attribute: str, labels: Labels, predictions: Predictions, confusion: Path) -> list[Figure]:
        classes = np.array(list(predictions.space.classes))
        known = self._known(attribute, labels, classes)
        if len(np.unique(labels.values[known])) < 2:
            return []
        kept, predicted = labels.take(known), classes[predictions.rows[known].argmax(axis=1)]
        answers = Answers(kept.values, predicted, speakers_of(self.dump, kept.names))
        figures = score_classification(PROTOCOL, answers, self.bootstrap)
        write_confusion(confusion, kept.values, predicted)
        if not known.all():
            figures.append(Figure(PROTOCOL, "unknown", float((~known).sum()), len(kept.names)))
        return figures

    def _known(self, attribute: str, labels: Labels, classes: np.ndarray) -> np.ndarray:
        """Which labels (n,) bool the model was trained on; others are an error or left out, as declared."""
        known = np.isin(labels.values, classes)
        if not known.all() and self.targets[attribute].unknown == "error":
            first = int(np.argmin(known))
            raise UserError(
                f"{self._file(attribute)}: `{labels.values[first]}` of {labels.names[first]} is none of the model's "
                "classes; correct it, or write `unknown: skip` in the attribute's target"
            )
        return known

    def _score_numbers(self, attribute: str, labels: Labels, predictions: Predictions) -> list[Figure]:
        try:
            truth = labels.values.astype(np.float64)
        except ValueError as error:
            raise UserError(f"{self._file(attribute)}: {error}; correct it, or write `kind: class`") from None
        predicted = predictions.rows[:, 0].astype(np.float64)
        estimates = Estimates(truth, predicted, speakers_of(self.dump, labels.names))
        return score_regression(PROTOCOL, estimates, predictions.space.mean, self.bootstrap)


def write_confusion(path: Path, truth: np.ndarray, predicted: np.ndarray) -> None:
    """Count how often each class was predicted for each: lines `true predicted count`, of pairs that occur, sorted."""
    pairs = sorted(Counter(zip(truth.tolist(), predicted.tolist(), strict=True)).items())
    lines = [f"{printable(true)}\t{printable(answer)}\t{count}" for (true, answer), count in pairs]
    write_text_atomic(path, "\n".join(["true\tpredicted\tcount", *lines]) + "\n")
