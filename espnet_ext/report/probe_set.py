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

    def testable(self) -> np.ndarray:
        """Rows (n,) bool of labels that can be seen in training and tested, too."""
        return in_two_groups(self.labels.values, self.groups)


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
    def _probed(self) -> Probed:
        labels = read_labels(self.dump, self.label)
        speakers, sentences = speakers_of(self.dump, labels.names), sentences_of(self.dump, labels.names)
        by_speaker = Probed(labels, speakers, "speaker")
        # Where each utterance is its own speaker, nobody knows the speakers.
        is_known = len(np.unique(speakers)) < len(speakers)
        if is_known and len(np.unique(labels.values[by_speaker.testable()])) > 1:
            probed = by_speaker
        else:
            kind = "sentence" if len(np.unique(sentences)) < len(sentences) else "utterance"
            probed = Probed(labels, sentences, kind)
        probed = probed.take(probed.testable())
        return probed.take(thin_out(probed.groups, self.bootstrap.seed))

    def score(self, system: System, evaluation: Evaluation) -> Iterator[ResultRow]:
        """The probe's figures; nothing, with a line that says so, for a teacher that lacks most vectors."""
        attribute, name = evaluation.attribute, self.label.removeprefix("utt2")
        vectors = system.embeddings(self.dump.name, attribute, self._probed.labels.names.tolist())
        probed = self._probed.take(np.isin(self._probed.labels.names, vectors.names))
        kept = probed.testable()
        probed = probed.take(kept)
        truth = probed.labels.values
        if len(np.unique(truth)) < 2:
            print(f"{system.name}: too few {attribute} vectors in {self.dump.name} for a probe of {name}")
            return
        rows = UnitRows.of(vectors.rows, vectors.names).take(kept)
        answers = Answers(truth, cross_validate(rows, truth, probed.groups), probed.groups)
        protocol = f"{name}:by-{probed.kind}"
        for figure in score_classification(protocol, answers, self.bootstrap, PREFIX):
            yield ResultRow(system.name, attribute, evaluation.task, self.dump.name, figure)
        left_out = len(read_labels(self.dump, self.label).names) - len(truth)
        if left_out:
            figure = Figure(protocol, f"{PREFIX}left-out", left_out, len(truth))
            yield ResultRow(system.name, attribute, evaluation.task, self.dump.name, figure)
