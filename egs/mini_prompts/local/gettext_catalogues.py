"""Parallel sentences of desktop programs in English, Spanish, French, Italian and Russian.

The message catalogues (.mo) of the Debian packages below translate the same English messages.
They are text for speech synthesis on this machine and are not redistributed; their licenses are in
`egs/TEMPLATE/packages/pinned.py`.
"""

import gettext
import hashlib
import re
import struct
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

from espnet_ext.kaldi.overlap import normalize_text
from espnet_ext.utils.errors import UserError
from packages.pinned import CATALOGUES

PACKAGES = tuple(package.name for package in CATALOGUES)
# Folder of a catalogue -> language; English is the message itself.
TRANSLATIONS = {"es": "spa", "fr": "fra", "it": "ita", "ru": "rus"}
MIN_WORDS, MAX_WORDS = 2, 12

# Placeholders (%s, {0}, $name), markup, escapes, addresses, file names, options, long numbers.
_NOT_PROSE = re.compile(r"""[%{}<>|\\#@=~^`*\[\]$&/+"\n\t]|\w\.\w|\d{3}|--|://""")


@dataclass(frozen=True)
class ParallelSentence:
    """A message in all five languages: `texts` is language (ISO 639-3) -> text."""

    id: str
    texts: dict[str, str]


def read_catalogue(path: Path) -> dict[str, str]:
    """English message -> translation, without plural forms and the header.

    Raises:
        UserError: the file is missing or is not a complete catalogue.
    """
    try:
        with open(path, "rb") as file:
            # The module has no public way to list a catalogue.
            catalogue = gettext.GNUTranslations(file)._catalog  # type: ignore[attr-defined]
    except (OSError, ValueError, LookupError, struct.error) as error:
        raise UserError(f"{path}: cannot read the catalogue ({error}); fetch its package again") from error
    # The key of a plural is a tuple; a context precedes \x04.
    singular = {key: value for key, value in catalogue.items() if isinstance(key, str) and key and value}
    return {key.rpartition("\x04")[2]: value for key, value in singular.items()}


def clean_message(message: str) -> str | None:
    """Text of a message, or None if it is not plain prose of 2 to 12 words.

    A single underscore, which marks a menu letter, and an ellipsis or colon at the end are removed.
    """
    if message.count("_") > 1 or _NOT_PROSE.search(message):
        return None
    text = " ".join(message.replace("_", "").split()).rstrip(".:…").strip()
    words = normalize_text(text).split()
    if not MIN_WORDS <= len(words) <= MAX_WORDS or text.isupper():
        return None
    return text


def parse_catalogues(roots: Mapping[str, Path], excluded: Collection[str]) -> list[ParallelSentence]:
    """Usable messages in all five languages, in the order of the SHA-1 of the English text.

    A message is usable if it is prose in each language and no two languages have the same text (an English text is not
    a translation). A repeated English text is used once.

    Args:
        roots: package -> folder of its files; a package without a catalogue in all languages adds no sentence.
        excluded: normalized texts that must not occur in any language (the evaluation sentences).

    Raises:
        UserError: a catalogue is damaged.
    """
    sentences: dict[str, ParallelSentence] = {}
    for package in sorted(roots):
        for files in _find_domains(roots[package]):
            catalogues = {language: read_catalogue(path) for language, path in files.items()}
            for message in sorted(set.intersection(*(set(catalogue) for catalogue in catalogues.values()))):
                translations = {language: catalogue[message] for language, catalogue in catalogues.items()}
                texts = _parallel_texts({"eng": message, **translations}, excluded)
                if texts:
                    name = hashlib.sha1(normalize_text(texts["eng"]).encode()).hexdigest()
                    sentences.setdefault(name, ParallelSentence(f"gettext-{name[:12]}", texts))
    return [sentences[name] for name in sorted(sentences)]


def _find_domains(root: Path) -> list[dict[str, Path]]:
    """The catalogues that a package has in every language, as language -> file."""
    domains = []
    for path in sorted(root.rglob("es/LC_MESSAGES/*.mo")):
        locale = path.parent.parent.parent
        files = {language: locale / code / "LC_MESSAGES" / path.name for code, language in TRANSLATIONS.items()}
        if all(file.is_file() for file in files.values()):
            domains.append(files)
    return domains


def _parallel_texts(messages: Mapping[str, str], excluded: Collection[str]) -> dict[str, str] | None:
    cleaned = {language: clean_message(message) for language, message in messages.items()}
    texts = {language: text for language, text in cleaned.items() if text is not None}
    if len(texts) < len(cleaned):
        return None
    same = {normalize_text(text) for text in texts.values()}
    return texts if len(same) == len(texts) and same.isdisjoint(excluded) else None
