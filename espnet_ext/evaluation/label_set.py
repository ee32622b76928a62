"""Labels of a set, and evaluation of a system's own classifiers and regressions on them."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

from espnet_ext.config.attributes import TargetConfig
from espnet_ext.dump.label_targets import UNDETERMINED
from espnet_ext.evaluation.plan import Evaluation
from espnet_ext.evaluation.systems import ClassifierOutputs, System
from espnet_ext.kaldi.data_dir import DataDir
from espnet_ext.scoring.bootstrap import DEFAULT_BOOTSTRAP, Bootstrap, Score, make_counts
from espnet_ext.scoring.predictions import Predictions, score_classification, score_regression
from espnet_ext.utils.atomic import write_text_atomic
from espnet_ext.utils.errors import UserError
from espnet_ext.utils.printable import printable

PROTOCOL = "classifier"
CONFUSION = "confusion.tsv"


class Labels(NamedTuple):
    """Labeled utterances of a set, (n,) each, sorted by utterance.

    Attributes:
        names: utterance ids.
        values: labels, as written.
        num_missing: number of utterances of the set without a label.
    """

    names: np.ndarray
    values: np.ndarray
    num_missing: int

    def take(self, rows: np.ndarray) -> "Labels":
        """Selected rows."""
        return self._replace(names=self.names[rows], values=self.values[rows])


def read_labels(dump: Path, file: str) -> Labels:
    """Read `<dump>/<file>`, such as `utt2lang`; empty if it is absent. `und` means that there is no label."""
    data = DataDir(dump)
    labels = {name: label for name, label in (data.read(file) or {}).items() if label != UNDETERMINED}
    names = sorted(labels)
    values = [labels[name] for name in names]
    num_utterances = len(data.read("utt2spk") or names)
    return Labels(np.array(names, dtype=str), np.array(values, dtype=str), num_utterances - len(names))


def read_groups(dump: Path, file: str, names: np.ndarray) -> np.ndarray:
    """Value of each utterance, (n,), in `utt2spk` or `utt2sent`; the utterance id where it is not known."""
    known = DataDir(dump).read(file) or {}
    return np.array([known.get(name, name) for name in names.tolist()], dtype=str)


@dataclass(frozen=True)
class LabelSet:
    """A set with labels.

    Args:
        dump: `dump/<set>`, with `utt2<label>` and, for the intervals, `utt2spk`.
        targets: attribute -> its target, which names the label file.
        scores_dir: folder for `<system>/<attribute>/<set>/confusion.tsv`.
    """

    dump: Path
    targets: Mapping[str, TargetConfig]
    scores_dir: Path
    bootstrap: Bootstrap = DEFAULT_BOOTSTRAP

    def problem(self, attribute: str) -> str | None:
        """Reason why the attribute's labels cannot be scored here, if they cannot."""
        distinct = np.unique(self._labels(attribute).values)
        if len(distinct) < 2:
            which = f"all labels are `{distinct[0]}`" if len(distinct) else "there are no labels"
            return f"{self._file(attribute)}: {which}, but scoring needs two different ones"
        return None

    def _file(self, attribute: str) -> Path:
        return self.dump / self.targets[attribute].labels

    def _labels(self, attribute: str) -> Labels:
        return read_labels(self.dump, self.targets[attribute].labels)

    def score(self, system: System, evaluation: Evaluation) -> list[Score]:
        """Scores of one attribute; none, with a printed line, if the system has no classifier of it.

        Raises:
            UserError: a label that the model cannot know, or an invalid number.
        """
        attribute, set_name = evaluation.attribute, self.dump.name
        if self.problem(attribute):  # printed once for all systems, see `EvaluationPlan`
            return []
        labels = self._labels(attribute)
        outputs = system.outputs(set_name, attribute, labels.names.tolist())
        if outputs is None:
            print(f"{system.name}: no {attribute}.logits.scp for {set_name}; no classifier of its own is scored")
            return []
        if evaluation.rule == "regression":
            scores = self._score_numbers(attribute, labels, outputs)
        else:
            confusion = self.scores_dir / system.name / attribute / set_name / CONFUSION
            scores = self._score_classes(attribute, labels, outputs, confusion)
        if not scores:
            print(f"{system.name}: fewer than two of {attribute}'s classes in {set_name} are known; not scored there")
        elif labels.num_missing:
            scores += make_counts(PROTOCOL, scores[0].n, {"unlabelled": labels.num_missing})
        return scores

    def _score_classes(
        self, attribute: str, labels: Labels, outputs: ClassifierOutputs, confusion: Path
    ) -> list[Score]:
        classes = np.array(list(outputs.space.classes))
        known = self._known(attribute, labels, classes)
        truth, predicted = labels.values[known], classes[outputs.rows[known].argmax(axis=1)]
        if len(np.unique(truth)) < 2:
            return []
        speakers = read_groups(self.dump, "utt2spk", labels.names[known])
        scores = score_classification(PROTOCOL, Predictions(truth, predicted, speakers), self.bootstrap)
        write_confusion(confusion, truth, predicted)
        if not known.all():
            scores += make_counts(PROTOCOL, len(truth), {"unknown": (~known).sum()})
        return scores

    def _known(self, attribute: str, labels: Labels, classes: np.ndarray) -> np.ndarray:
        """Mask (n,) of labels that the model was trained on; others are an error unless the target skips them."""
        known = np.isin(labels.values, classes)
        if not known.all() and self.targets[attribute].unknown == "error":
            first = int(np.argmin(known))
            raise UserError(
                f"{self._file(attribute)}: `{labels.values[first]}` of {labels.names[first]} is not one of the "
                "model's classes; correct it, or write `unknown: skip` in the attribute's target"
            )
        return known

    def _score_numbers(self, attribute: str, labels: Labels, outputs: ClassifierOutputs) -> list[Score]:
        try:
            truth = labels.values.astype(np.float64)
        except ValueError as error:
            raise UserError(f"{self._file(attribute)}: {error}; correct it, or write `kind: class`") from None
        speakers = read_groups(self.dump, "utt2spk", labels.names)
        predictions = Predictions(truth, outputs.rows[:, 0].astype(np.float64), speakers)
        return score_regression(PROTOCOL, predictions, outputs.space.mean, self.bootstrap)


def write_confusion(path: Path, truth: np.ndarray, predicted: np.ndarray) -> None:
    """Count pairs of true and predicted classes: lines `true predicted count`, sorted, of pairs that occur."""
    pairs = sorted(Counter(zip(truth.tolist(), predicted.tolist(), strict=True)).items())
    lines = [f"{printable(true)}\t{printable(guess)}\t{count}" for (true, guess), count in pairs]
    write_text_atomic(path, "\n".join(["true\tpredicted\tcount", *lines]) + "\n")
