"""Labels with one spelling in all corpora: ages, and free text reduced to frequent labels."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace

import langcodes

from espnet_ext.kaldi.utterances import Utterance
from espnet_ext.utils.errors import UserError

DECADES = (
    "teens", "twenties", "thirties", "forties", "fifties", "sixties", "seventies", "eighties", "nineties",
)  # fmt: skip
_SPELLINGS = {"fourties": "forties"}  # of Common Voice


def labels_of_years(years: int) -> dict[str, str]:
    """Labels `age` and `age_years` of a known age; children have no decade."""
    decade = years // 10 - 1
    labels = {"age": DECADES[min(decade, len(DECADES) - 1)]} if decade >= 0 else {}
    return labels | {"age_years": str(years)}


def labels_of_decade(decade: str) -> dict[str, str]:
    """Labels of an age that is known to the decade: the years are its middle (`twenties` 25, `teens` 15)."""
    decade = _SPELLINGS.get(decade, decade)
    if decade not in DECADES:
        return {"age": decade} if decade else {}
    return {"age": decade, "age_years": str(10 * DECADES.index(decade) + 15)}


def frequent_labels(utterances: Iterable[Utterance], attribute: str, min_speakers: int) -> set[str]:
    """Labels of an attribute that at least `min_speakers` speakers have."""
    speakers: dict[str, set[str]] = {}
    for utterance in utterances:
        if attribute in utterance.labels:
            speakers.setdefault(utterance.labels[attribute], set()).add(utterance.speaker)
    return {label for label, owners in speakers.items() if len(owners) >= min_speakers}


def with_labels_among(utterances: Sequence[Utterance], attribute: str, kept: Collection[str]) -> list[Utterance]:
    """The utterances, without labels of the attribute that are not in `kept`."""
    reduced = []
    # Equal labels share one dictionary: there may be millions of utterances.
    shared: dict[tuple[tuple[str, str], ...], dict[str, str]] = {}
    for utterance in utterances:
        if attribute not in utterance.labels or utterance.labels[attribute] in kept:
            reduced.append(utterance)
            continue
        labels = {name: label for name, label in utterance.labels.items() if name != attribute}
        reduced.append(replace(utterance, labels=shared.setdefault(tuple(labels.items()), labels)))
    return reduced


UNKNOWN_LANGUAGE = "und"

# Where the corpora name a written language and mean one of its spoken ones (the rest is in langcodes).
_SPOKEN = {"zh": "cmn", "zho": "cmn", "zh-hk": "yue", "zh-mo": "yue"}


def iso639_3(code: str) -> str:
    """ISO 639-3 code of a corpus's language code (`es_419` is `spa`, `sv-SE` `swe`, `cmn_hans_cn` `cmn`).

    Region and script are dropped. A two-letter code is the language that ISO 639 gives it, which may be a
    macrolanguage (`ara`, `fas`, `swa`); Chinese is told apart by where it is spoken.

    Raises:
        UserError: for a code of no language.
    """
    tag = code.strip().replace("_", "-").lower()
    language = tag.partition("-")[0]
    spoken = _SPOKEN.get(tag) or _SPOKEN.get(language)
    if spoken:
        return spoken
    try:
        return langcodes.Language.get(language).to_alpha3() if language != UNKNOWN_LANGUAGE else UNKNOWN_LANGUAGE
    except (LookupError, ValueError) as error:
        raise UserError(f"language {code!r}: not a known language code; check the option or the corpus") from error
