"""Score a system on the evaluation sets: read arrays, hand them to scoring, label the figures."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np

from espnet_ext.data.atomic import write_text_atomic
from espnet_ext.data.data_dir import DataDir
from espnet_ext.errors import UserError
from espnet_ext.report.inputs import TrialList, read_targets, read_trials
from espnet_ext.report.results import ResultRow
from espnet_ext.report.systems import System
from espnet_ext.scoring.figure import Figure
from espnet_ext.scoring.leakage import Evaluation
from espnet_ext.scoring.protocols import Items, Search, speech_searches, text_searches
from espnet_ext.scoring.retrieval import score_retrieval
from espnet_ext.scoring.similarity import centre_rows, paired_cosines, unit_rows
from espnet_ext.scoring.verification import score_verification


@dataclass(frozen=True)
class Bootstrap:
    """How intervals are made."""

    resamples: int = 1000
    seed: int = 0


@dataclass(frozen=True)
class RetrievalSet:
    """A set whose recordings have sentence ids and languages.

    Args:
        dump: `dump/<set>`.
        text_attributes: attributes whose teacher reads text: their targets are the candidates of
            the protocol `text`.
    """

    dump: Path
    text_attributes: Sequence[str]
    bootstrap: Bootstrap = field(default_factory=Bootstrap)

    @cached_property
    def _ids(self) -> dict[str, tuple[str, str]]:
        """Utterance -> sentence and language."""
        folder = DataDir(self.dump)
        if folder.utt2sent is None or folder.utt2lang is None:
            raise UserError(f"{self.dump}: retrieval needs utt2sent and utt2lang")
        languages = folder.utt2lang
        return {name: (sent, languages[name]) for name, sent in folder.utt2sent.items() if name in languages}

    def score(self, system: System, evaluation: Evaluation) -> Iterator[ResultRow]:
        """All protocols that the set allows, as they are and with each language centred."""
        part, attribute = self.dump.name, evaluation.attribute
        vectors = system.embeddings(part, attribute, list(self._ids))
        if not vectors:
            print(f"{system.name}: no {attribute} vector in {part}; its retrieval is not scored")
            return
        speech, texts = self._items(vectors), self._texts(attribute)
        in_text = text_searches(speech, texts) if texts and _same_size(speech, texts) else []
        in_speech = self._speech_searches(speech, needed=evaluation.task != "leakage" and not in_text)
        for suffix, change in (("", _as_is), ("-centred", _centred)):
            options = (suffix, self.bootstrap.resamples, self.bootstrap.seed)
            asking = change(speech)
            figures = score_retrieval(in_speech, asking, asking, *options)
            if in_text:
                figures += score_retrieval(in_text, asking, change(texts), *options)
            for figure in figures:
                yield ResultRow(system.name, attribute, evaluation.task, part, figure)

    def _speech_searches(self, speech: Items, needed: bool) -> list[Search]:
        """None, with a line that says why, where languages share nothing and other figures remain."""
        try:
            return speech_searches(speech)
        except UserError as reason:
            if needed:
                raise UserError(f"{self.dump}: {reason}") from None
            print(f"{self.dump}: {reason}; left out")
            return []

    def _texts(self, attribute: str) -> Items | None:
        if attribute not in self.text_attributes:
            return None
        targets = read_targets(self.dump / f"target_{attribute}.scp")
        return self._items(targets) if targets else None

    def _items(self, vectors: Mapping[str, np.ndarray]) -> Items:
        names = sorted(vectors.keys() & self._ids.keys())
        if not names:
            raise UserError(f"{self.dump}: no utterance with an embedding has a sentence id and a language")
        sentences, languages = np.array([self._ids[name] for name in names]).T
        rows = unit_rows(np.stack([vectors[name] for name in names]), names)
        return Items(np.array(names), rows, sentences, languages)


def _same_size(speech: Items, texts: Items) -> bool:
    """An untrained encoder's vectors need not have the teacher's size; only a head's are comparable."""
    return speech.vectors.shape[1] == texts.vectors.shape[1]


def _as_is(items: Items) -> Items:
    return items


def _centred(items: Items) -> Items:
    return Items(items.names, centre_rows(items.vectors, items.languages), items.sentences, items.languages)


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
