"""Linear probes of a label on a set, of any system and head: read, hand to scoring, label the figures."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

import numpy as np

from espnet_ext.report.labels import Labels, read_labels, sentences_of, speakers_of
from espnet_ext.report.results import ResultRow
from espnet_ext.report.systems import System
from espnet_ext.scoring.bootstrap import Bootstrap
from espnet_ext.scoring.classification import Answers, score_classification
from espnet_ext.scoring.figure import Figure
from espnet_ext.scoring.leakage import Evaluation
from espnet_ext.scoring.probe import cross_validate, in_two_groups, thin_out
from espnet_ext.scoring.rows import UnitRows

PREFIX = "probe-"


class Probed(NamedTuple):
    """Utterances to probe, the groups (n,) that are in training or in test as a whole, and what these are."""

    labels: Labels
    groups: np.ndarray
    kind: str

    def take(self, rows: np.ndarray) -> "Probed":
        return self._replace(labels=self.labels.take(rows), groups=self.groups[rows])

    def testable(self) -> "Probed":
        """Those of labels that can be seen in training and tested, too."""
        return self.take(np.flatnonzero(in_two_groups(self.labels.values, self.groups)))


@dataclass(frozen=True)
class ProbeSet:
    """A set and one of its labels.

    A probe is tested on speakers that it was not trained on, where two labels have two speakers each or more;
    else (a label that is the speaker, one speaker a language, unknown speakers) on other sentences.

    Args:
        dump: `dump/<set>`, with utt2spk and, if known, utt2sent.
        label: a file of labels, such as `utt2lang`.
    """

    dump: Path
    label: str
    bootstrap: Bootstrap = field(default_factory=Bootstrap)

    @cached_property
    def fault(self) -> str | None:
        """Why there is no probe here, if there is none."""
        if len(np.unique(self._probed.labels.values)) > 1:
            return None
        return f"{self.dump / self.label}: a probe needs two labels or more, each of two {self._probed.kind}s or more"

    @cached_property
    def _labels(self) -> Labels:
        return read_labels(self.dump, self.label)

    @cached_property
    def _probed(self) -> Probed:
        names = self._labels.names
        speakers, sentences = speakers_of(self.dump, names), sentences_of(self.dump, names)
        probed = Probed(self._labels, speakers, "speaker").testable()
        # Where each utterance is its own speaker, nobody knows the speakers.
        is_known = len(np.unique(speakers)) < len(speakers)
        if not is_known or len(np.unique(probed.labels.values)) < 2:
            kind = "sentence" if len(np.unique(sentences)) < len(sentences) else "utterance"
            probed = Probed(self._labels, sentences, kind).testable()
        # Thinning may have left a label to one group.
        return probed.take(thin_out(probed.groups, self.bootstrap.seed)).testable()

    @property
    def _num_left_out(self) -> int:
        return len(self._labels.names) - len(self._probed.groups)

    def score(self, system: System, evaluation: Evaluation) -> Iterator[ResultRow]:
        """The probe's figures; nothing, with a line that says so, where an utterance has no vector."""
        attribute, name = evaluation.attribute, self.label.removeprefix("utt2")
        labels, groups, kind = self._probed
        vectors = system.embeddings(self.dump.name, attribute, labels.names.tolist())
        num_missing = len(labels.names) - len(vectors.names)
        if num_missing:
            print(
                f"{system.name}: {num_missing} of {len(labels.names)} utterances of {self.dump.name} have no "
                f"{attribute} vector; a probe of {name} would not be comparable and is left out"
            )
            return
        rows = UnitRows.of(vectors.rows, vectors.names).take(slice(None))
        answers = Answers(labels.values, cross_validate(rows, labels.values, groups), groups)
        protocol = f"{name}:by-{kind}"
        figures = score_classification(protocol, answers, self.bootstrap, PREFIX)
        if self._num_left_out:
            figures.append(Figure(protocol, f"{PREFIX}left-out", self._num_left_out, len(groups)))
        for figure in figures:
            yield ResultRow(system.name, attribute, evaluation.task, self.dump.name, figure)
