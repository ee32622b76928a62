"""Score a system's retrieval on a set: read arrays, hand them to scoring, label the figures."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

import numpy as np

from espnet_ext.kaldi.data_dir import DataDir
from espnet_ext.report.inputs import Vectors, read_targets
from espnet_ext.report.results import ResultRow
from espnet_ext.report.systems import System
from espnet_ext.scoring.bootstrap import Bootstrap
from espnet_ext.scoring.directions import EVERY, Pattern
from espnet_ext.scoring.leakage import Evaluation
from espnet_ext.scoring.products import Products
from espnet_ext.scoring.protocols import Items, Search, speech_searches, text_searches
from espnet_ext.scoring.retrieval import score_retrieval
from espnet_ext.scoring.rows import UnitRows
from espnet_ext.utils.errors import UserError


@dataclass(frozen=True)
class RetrievalSet:
    """A set whose recordings have sentence ids and languages.

    Args:
        dump: `dump/<set>`.
        text_attributes: attributes whose teacher reads text: their targets are the candidates of the
            protocol `text`, of each recording's own words (`target_<attribute>.scp`) and of their
            translations (`target_<attribute>.<language>.scp`).
        patterns: the directions wanted.
    """

    dump: Path
    text_attributes: Sequence[str]
    bootstrap: Bootstrap = field(default_factory=Bootstrap)
    patterns: Sequence[Pattern] = (EVERY,)
    products: Products = field(default_factory=Products)

    @cached_property
    def _ids(self) -> dict[str, tuple[int, str]]:
        """Utterance -> number of its sentence (in the order of their ids) and language.

        Raises:
            UserError: no such files, an utterance without language, or a direction with a language that the set
                does not have.
        """
        folder = DataDir(self.dump)
        if folder.utt2sent is None or folder.utt2lang is None:
            raise UserError(f"{self.dump}: retrieval needs utt2sent and utt2lang")
        languages, sentences = folder.utt2lang, folder.utt2sent
        translated = {language for attribute in self.text_attributes for language in self._translations(attribute)}
        for pattern in self.patterns:
            try:
                pattern.check({*languages.values(), *translated})
            except UserError as error:
                raise UserError(f"{self.dump}: {error}") from None
        for name in sentences:
            if name not in languages:
                raise UserError(f"{self.dump}: utterance {name} is in utt2sent, but not in utt2lang; run stage 1 again")
        number = {sentence: i for i, sentence in enumerate(sorted(set(sentences.values())))}
        return {name: (number[sentence], languages[name]) for name, sentence in sorted(sentences.items())}

    def score(self, system: System, evaluation: Evaluation) -> Iterator[ResultRow]:
        """All protocols that the set allows, as they are and with each language centred."""
        part, attribute = self.dump.name, evaluation.attribute
        vectors = system.embeddings(part, attribute, list(self._ids))
        if not vectors.names:
            print(f"{system.name}: no {attribute} vector in {part}; its retrieval is not scored")
            return
        num_missing = len(self._ids) - len(vectors.names)
        if num_missing:
            print(
                f"{system.name}: {num_missing} of {len(self._ids)} utterances of {part} have no {attribute} vector; "
                "its retrieval is scored without them"
            )
        speech, texts = self._speech(vectors), self._texts(attribute)
        comparable = texts is not None and _same_size(speech, texts)
        in_text = text_searches(speech, texts, self.patterns) if comparable else []
        in_speech = self._speech_searches(speech, needed=evaluation.task != "leakage" and texts is None)
        for suffix, change in (("", _as_is), ("-centred", _centred)):
            options = (suffix, self.bootstrap, self.products)
            asking = change(speech)
            figures = score_retrieval(in_speech, asking, asking, *options)
            if in_text:
                figures += score_retrieval(in_text, asking, change(texts), *options)
            for figure in figures:
                yield ResultRow(system.name, attribute, evaluation.task, part, figure)

    def _speech_searches(self, speech: Items, needed: bool) -> list[Search]:
        """None, with a line that says why, where languages share nothing and that is not all there is to score."""
        try:
            return speech_searches(speech, self.patterns)
        except UserError as reason:
            if needed:
                raise UserError(f"{self.dump}: {reason}") from None
            print(f"{self.dump}: {reason}; left out")
            return []

    def _speech(self, vectors: Vectors) -> Items:
        sentences, languages = zip(*(self._ids[name] for name in vectors.names), strict=True)
        rows = UnitRows.of(vectors.rows, vectors.names)
        return Items(np.array(vectors.names), rows, np.array(sentences), np.array(languages))

    def _translations(self, attribute: str) -> dict[str, Path]:
        """Language -> the targets of the translations into it."""
        paths = sorted(self.dump.glob(f"target_{attribute}.*.scp"))
        return {path.name.removeprefix(f"target_{attribute}.").removesuffix(".scp"): path for path in paths}

    def _texts(self, attribute: str) -> Items | None:
        """The text candidates: of the recordings' own language, then of each language of translations."""
        if attribute not in self.text_attributes:
            return None
        parts = [_Texts.read(self.dump, f"target_{attribute}.scp", "text", self._ids)]
        for language, path in self._translations(attribute).items():
            parts.append(_Texts.read(self.dump, path.name, f"text.{language}", self._ids, language))
        parts = [part for part in parts if part.vectors.names]
        if not parts:
            return None
        names = [name for part in parts for name in part.vectors.names]
        rows = parts[0].vectors.rows if len(parts) == 1 else np.concatenate([part.vectors.rows for part in parts])
        languages = [language for part in parts for language in part.languages]
        written = [text for part in parts for text in part.written]
        # One text has one vector, whichever batch its copies were embedded in: they tie exactly.
        first: dict[tuple[str, str], int] = {}
        same = [first.setdefault(key, i) for i, key in enumerate(zip(languages, written, strict=True))]
        sentences = np.array([self._ids[name][0] for name in names])
        vectors = UnitRows.of(rows, names).view(np.array(same))
        return Items(np.array(names), vectors, sentences, np.array(languages))


class _Texts(NamedTuple):
    """Vectors of one file of targets, the language of each, and what is written (the utterance's id if unknown)."""

    vectors: Vectors
    languages: list[str]
    written: list[str]

    @classmethod
    def read(
        cls, dump: Path, targets: str, texts: str, ids: Mapping[str, tuple[int, str]], language: str | None = None
    ) -> "_Texts":
        """`language`: that of all of them; by default each utterance's own.

        Raises:
            UserError: an utterance has a text, but no target.
        """
        vectors = read_targets(dump / targets, ids)
        text = DataDir(dump).read(texts) or {}
        missing = sorted((text.keys() & ids.keys()) - set(vectors.names))
        if missing and (dump / targets).is_file():
            raise UserError(f"{dump / targets}: {missing[0]} has a text in {texts}, but no target; run stage 2 again")
        return cls(
            vectors,
            [language or ids[name][1] for name in vectors.names],
            [text.get(name, name) for name in vectors.names],
        )


def _same_size(speech: Items, texts: Items) -> bool:
    """An untrained encoder's vectors need not have the teacher's size; only a head's are comparable."""
    return speech.vectors.dim == texts.vectors.dim


def _as_is(items: Items) -> Items:
    return items


def _centred(items: Items) -> Items:
    return replace(items, vectors=items.vectors.centred(items.languages))
