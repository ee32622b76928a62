"""`--audio spk=voice.wav:0.5`: parts of a query that are recordings."""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from espnet_ext.data.segments import AudioSource
from espnet_ext.errors import UserError
from espnet_ext.search.query import Term


class AudioTerm(NamedTuple):
    """Like the recording `path` in `attribute`; weight: of the cosine."""

    attribute: str
    path: str
    weight: float


def parse_audio_term(word: str) -> AudioTerm:
    """Read `ATTRIBUTE=FILE[:WEIGHT]`; what follows the last colon is a weight if it is a number.

    Raises:
        UserError: another form, or a weight that is zero or not finite.
    """
    attribute, _, path = word.partition("=")
    before, _, after = path.rpartition(":")
    weight = _number(after)
    if not before or weight is None:
        before, weight = path, 1.0
    if not attribute.isidentifier() or not before:
        raise UserError(f"--audio {word}: expected ATTRIBUTE=FILE or ATTRIBUTE=FILE:WEIGHT, as in spk=voice.wav:0.5")
    return AudioTerm(attribute, before, check_weight(weight, f"--audio {word}"))


def check_weight(weight: float, where: str) -> float:
    """The weight itself; UserError if it is zero or not finite."""
    if weight == 0 or not math.isfinite(weight):
        raise UserError(f"{where}: a weight is a number other than 0; negative = unlike this")
    return weight


def embed_audio_terms(
    terms: Sequence[AudioTerm], embed: Callable[[Sequence[AudioSource]], Mapping[str, np.ndarray]]
) -> list[Term]:
    """Embed each file once, whatever the number of terms that name it."""
    paths = sorted({term.path for term in terms})
    vectors = embed([AudioSource(path) for path in paths])
    return [
        Term(term.attribute, term.path, term.weight, vectors[term.attribute][paths.index(term.path)]) for term in terms
    ]


def _number(word: str) -> float | None:
    try:
        return float(word)
    except ValueError:
        return None
