"""Evaluation of a system's retrieval on a set."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

import numpy as np

from espnet_ext.evaluation.plan import Evaluation
from espnet_ext.evaluation.systems import System, Vectors, read_targets
from espnet_ext.kaldi.data_dir import DataDir
from espnet_ext.scoring.bootstrap import DEFAULT_BOOTSTRAP, Bootstrap, Score
from espnet_ext.scoring.protocols import EVERY, EmbeddingTable, Pattern, Search, speech_searches, text_searches
from espnet_ext.scoring.ranks import Products
from espnet_ext.scoring.retrieval import score_retrieval
from espnet_ext.scoring.rows import UnitRows
from espnet_ext.utils.errors import UserError


@dataclass(frozen=True)
class RetrievalSet:
    """A set whose recordings have sentence ids and languages.

    Args:
        dump: `dump/<set>`.
        text_attributes: attributes whose teacher embeds text. Their targets are the candidates of the protocol
            `text`: of each recording's transcript (`target_<attribute>.scp`) and of its translations
            (`target_<attribute>.<language>.scp`).
        patterns: directions that are scored.
    """

    dump: Path
    text_attributes: Sequence[str]
    bootstrap: Bootstrap = DEFAULT_BOOTSTRAP
    patterns: Sequence[Pattern] = (EVERY,)
    products: Products = field(default_factory=Products)

    @cached_property
    def _ids(self) -> dict[str, tuple[int, str]]:
        """Utterance -> number of its sentence (in the order of their ids) and language.

        Raises:
            UserError: a file is missing, an utterance has no language, or the set lacks a direction's language.
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

    def score(self, system: System, evaluation: Evaluation) -> Iterator[Score]:
        """Scores of all protocols that the set allows, without and with centering of each language."""
        set_name, attribute = self.dump.name, evaluation.attribute
        vectors = system.embeddings(set_name, attribute, list(self._ids))
        if not vectors.names:
            print(f"{system.name}: no {attribute} vector in {set_name}; its retrieval is not scored")
            return
        num_missing = len(self._ids) - len(vectors.names)
        if num_missing:
            print(
                f"{system.name}: {num_missing} of {len(self._ids)} utterances of {set_name} have no {attribute} "
                "vector; its retrieval is scored without them"
            )
        sentences, languages = zip(*(self._ids[name] for name in vectors.names), strict=True)
        rows = UnitRows.of(vectors.rows, vectors.names)
        speech = EmbeddingTable(np.array(vectors.names), rows, np.array(sentences), np.array(languages))
        texts = self._texts(attribute)
        required = evaluation.task != "leakage" and texts is None
        # An untrained encoder's vectors need not have the teacher's size.
        if texts is not None and texts.vectors.dim != rows.dim:
            texts = None
        in_text = [] if texts is None else text_searches(speech, texts, self.patterns)
        in_speech = self._speech_searches(speech, required)
        for suffix in ("", "-centred"):
            if suffix:
                speech, texts = _centered(speech), texts and _centered(texts)
            yield from score_retrieval(in_speech, speech, speech, suffix, self.bootstrap, self.products)
            if texts is not None and in_text:
                yield from score_retrieval(in_text, speech, texts, suffix, self.bootstrap, self.products)

    def _speech_searches(self, speech: EmbeddingTable, required: bool) -> list[Search]:
        """Speech-to-speech searches; none, with a printed line, if languages share nothing and it is not required."""
        try:
            return speech_searches(speech, self.patterns)
        except UserError as reason:
            if required:
                raise UserError(f"{self.dump}: {reason}") from None
            print(f"{self.dump}: {reason}; skipped")
            return []

    def _translations(self, attribute: str) -> dict[str, str]:
        """Language -> file of the targets of translations into it."""
        names = sorted(path.name for path in self.dump.glob(f"target_{attribute}.*.scp"))
        return {name.removeprefix(f"target_{attribute}.").removesuffix(".scp"): name for name in names}

    def _texts(self, attribute: str) -> EmbeddingTable | None:
        """Text candidates: transcripts, then translations of each language."""
        if attribute not in self.text_attributes:
            return None
        parts, names, languages = [], [], []
        # One text has one vector, whichever batch its copies were embedded in, so that copies tie exactly.
        first: dict[tuple[str, str], int] = {}
        same: list[int] = []
        files = {None: f"target_{attribute}.scp"} | self._translations(attribute)
        for language, file in files.items():
            vectors, texts = self._read_texts(file, f"text.{language}" if language else "text")
            parts += [vectors.rows] if vectors.names else []
            for name in vectors.names:
                names.append(name)
                languages.append(language or self._ids[name][1])
                same.append(first.setdefault((languages[-1], texts.get(name, name)), len(same)))
        if not names:
            return None
        rows = UnitRows.of(parts[0] if len(parts) == 1 else np.concatenate(parts), names).view(np.array(same))
        sentences = np.array([self._ids[name][0] for name in names])
        return EmbeddingTable(np.array(names), rows, sentences, np.array(languages))

    def _read_texts(self, targets: str, text_file: str) -> tuple[Vectors, dict[str, str]]:
        """Targets of one file, and utterance -> text.

        Raises:
            UserError: an utterance has a text, but no target.
        """
        vectors = read_targets(self.dump / targets, self._ids)
        texts = DataDir(self.dump).read(text_file) or {}
        missing = sorted((texts.keys() & self._ids.keys()) - set(vectors.names))
        if missing and (self.dump / targets).is_file():
            raise UserError(
                f"{self.dump / targets}: {missing[0]} has a text in {text_file}, but no target; run stage 2 again"
            )
        return vectors, texts


def _centered(table: EmbeddingTable) -> EmbeddingTable:
    return replace(table, vectors=table.vectors.centered(table.languages))
