"""One name for a language whatever the corpus calls it: ISO 639-3."""

import langcodes

from espnet_ext.utils.errors import UserError

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
