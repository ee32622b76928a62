"""Score a system's retrieval on a set: read arrays, hand them to scoring, label the figures."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np

from espnet_ext.data.data_dir import DataDir
from espnet_ext.errors import UserError
from espnet_ext.report.inputs import Vectors, read_targets
from espnet_ext.report.results import ResultRow
from espnet_ext.report.systems import System
from espnet_ext.scoring.bootstrap import Bootstrap
from espnet_ext.scoring.leakage import Evaluation
from espnet_ext.scoring.protocols import Items, Search, speech_searches, text_searches
from espnet_ext.scoring.retrieval import score_retrieval
from espnet_ext.scoring.similarity import centre_rows, unit_rows


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
        if not vectors.names:
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
        targets = read_targets(self.dump / f"target_{attribute}.scp", self._ids)
        return self._items(targets) if targets.names else None

    def _items(self, vectors: Vectors) -> Items:
        sentences, languages = np.array([self._ids[name] for name in vectors.names]).T
        return Items(np.array(vectors.names), unit_rows(vectors.rows, vectors.names), sentences, languages)


def _same_size(speech: Items, texts: Items) -> bool:
    """An untrained encoder's vectors need not have the teacher's size; only a head's are comparable."""
    return speech.vectors.shape[1] == texts.vectors.shape[1]


def _as_is(items: Items) -> Items:
    return items


def _centred(items: Items) -> Items:
    return Items(items.names, centre_rows(items.vectors, items.languages), items.sentences, items.languages)
