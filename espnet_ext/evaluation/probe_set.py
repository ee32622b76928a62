"""Linear probes of a label on a set, for any system and head."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

import numpy as np

from espnet_ext.evaluation.label_set import Labels, read_groups, read_labels
from espnet_ext.evaluation.plan import Evaluation
from espnet_ext.evaluation.systems import System
from espnet_ext.scoring.bootstrap import DEFAULT_BOOTSTRAP, Bootstrap, Score, make_counts
from espnet_ext.scoring.predictions import Predictions, score_classification
from espnet_ext.scoring.probe import cross_validate, in_two_groups, thin_out
from espnet_ext.scoring.rows import UnitRows

PREFIX = "probe-"


class _Probed(NamedTuple):
    """Utterances to probe, their groups (n,), and the kind of the groups.

    A group is completely in the training data or completely in the test data.
    """

    labels: Labels
    groups: np.ndarray
    kind: str

    def take(self, rows: np.ndarray) -> "_Probed":
        return self._replace(labels=self.labels.take(rows), groups=self.groups[rows])

    def testable(self) -> "_Probed":
        """Utterances whose label can be both in the training data and in the test data."""
        return self.take(np.flatnonzero(in_two_groups(self.labels.values, self.groups)))


@dataclass(frozen=True)
class ProbeSet:
    """A set and one of its labels.

    A probe is tested on speakers that it was not trained on, if at least two labels have at least two speakers each.
    Otherwise (the label is the speaker, each language has one speaker, the speakers are unknown) it is tested on
    other sentences.

    Args:
        dump: `dump/<set>`, with utt2spk and, if known, utt2sent.
        label: a label file, such as `utt2lang`.
    """

    dump: Path
    label: str
    bootstrap: Bootstrap = DEFAULT_BOOTSTRAP

    @cached_property
    def problem(self) -> str | None:
        """Reason why the label cannot be probed here, if it cannot."""
        if len(np.unique(self._probed.labels.values)) > 1:
            return None
        return f"{self.dump / self.label}: a probe needs two labels or more, each of two {self._probed.kind}s or more"

    @cached_property
    def _labels(self) -> Labels:
        return read_labels(self.dump, self.label)

    @cached_property
    def _probed(self) -> _Probed:
        names = self._labels.names
        speakers, sentences = (read_groups(self.dump, file, names) for file in ("utt2spk", "utt2sent"))
        probed = _Probed(self._labels, speakers, "speaker").testable()
        # Unknown speakers: each utterance is its own speaker.
        is_known = len(np.unique(speakers)) < len(speakers)
        if not is_known or len(np.unique(probed.labels.values)) < 2:
            kind = "sentence" if len(np.unique(sentences)) < len(sentences) else "utterance"
            probed = _Probed(self._labels, sentences, kind).testable()
        # After thinning, a label may have only one group.
        return probed.take(thin_out(probed.groups, self.bootstrap.seed)).testable()

    def score(self, system: System, evaluation: Evaluation) -> list[Score]:
        """Scores of the probe; none, with a printed line, if an utterance has no vector."""
        attribute, name = evaluation.attribute, self.label.removeprefix("utt2")
        labels, groups, kind = self._probed
        vectors = system.embeddings(self.dump.name, attribute, labels.names.tolist())
        num_missing = len(labels.names) - len(vectors.names)
        if num_missing:
            print(
                f"{system.name}: {num_missing} of {len(labels.names)} utterances of {self.dump.name} have no "
                f"{attribute} vector; a probe of {name} would not be comparable and is skipped"
            )
            return []
        rows = UnitRows.of(vectors.rows, vectors.names).take(slice(None))
        predictions = Predictions(labels.values, cross_validate(rows, labels.values, groups), groups)
        protocol = f"{name}:by-{kind}"
        scores = score_classification(protocol, predictions, self.bootstrap, PREFIX)
        if num_excluded := len(self._labels.names) - len(groups):
            scores += make_counts(protocol, len(groups), {f"{PREFIX}left-out": num_excluded})
        return scores
