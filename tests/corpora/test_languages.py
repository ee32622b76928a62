"""Every language of FLEURS and Common Voice has an ISO 639-3 code, the same in both."""

import pytest

from espnet_ext.corpora.labels import iso639_3
from espnet_ext.corpora.published import published
from espnet_ext.utils.errors import UserError

# As published for FLEURS (its card lists ISO 639-3 codes in the order of its folders' languages), with
# macrolanguages where a folder's two letters name one.
FLEURS_ISO639_3 = [
    "afr", "amh", "ara", "asm", "ast", "aze", "bel", "bul", "ben", "bos", "cat", "ceb", "ckb", "cmn", "ces", "cym",
    "dan", "deu", "ell", "eng", "spa", "est", "fas", "ful", "fin", "fil", "fra", "gle", "glg", "guj", "hau", "heb",
    "hin", "hrv", "hun", "hye", "ind", "ibo", "isl", "ita", "jpn", "jav", "kat", "kam", "kea", "kaz", "khm", "kan",
    "kor", "kir", "ltz", "lug", "lin", "lao", "lit", "luo", "lav", "mri", "mkd", "mal", "mon", "mar", "msa", "mlt",
    "mya", "nob", "nep", "nld", "nso", "nya", "oci", "orm", "ori", "pan", "pol", "pus", "por", "ron", "rus", "snd",
    "slk", "slv", "sna", "som", "srp", "swe", "swa", "tam", "tel", "tgk", "tha", "tur", "ukr", "umb", "urd", "uzb",
    "vie", "wol", "xho", "yor", "yue", "zul",
]  # fmt: skip

# Of release 19, and some of later ones.
COMMON_VOICE = [
    *published("Common Voice", "cv-corpus-19.0-2024-09-13", "train"),
    "an",
    "co",
    "hr",
    "km",
    "tg",
    "vec",
    "za",
]


def test_every_fleurs_code_has_an_iso_code() -> None:
    languages = published("FLEURS", "languages")
    assert len(languages) == 102
    assert sorted(iso639_3(code) for code in languages) == sorted(FLEURS_ISO639_3)


def test_every_common_voice_code_has_an_iso_code() -> None:
    codes = {code: iso639_3(code) for code in COMMON_VOICE}
    assert all(len(iso) == 3 and iso.isascii() and iso.islower() for iso in codes.values())
    # Two locales are one language only if they differ in the country or dialect.
    same = {iso: sorted(c for c in codes if codes[c] == iso) for iso in codes.values()}
    assert {iso: names for iso, names in same.items() if len(names) > 1} == {
        "cmn": ["zh-CN", "zh-TW"],
        "yue": ["yue", "zh-HK"],
        "roh": ["rm-sursilv", "rm-vallader"],
    }


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("es_419", "spa"), ("cmn_hans_cn", "cmn"), ("zh-CN", "cmn"), ("zh", "cmn"), ("zh-TW", "cmn"), ("zh-HK", "yue"),
        ("yue_hant_hk", "yue"), ("nan-tw", "nan"), ("nb_no", "nob"), ("fil_ph", "fil"), ("tl", "fil"), ("en", "eng"),
        ("sv-SE", "swe"), ("sl", "slv"), ("pt", "por"), ("eng", "eng"), ("und", "und"),
    ],
)  # fmt: skip
def test_a_language_has_one_name(code: str, expected: str) -> None:
    assert iso639_3(code) == expected


@pytest.mark.parametrize("code", ["", "xx", "nonsense-language", "??"])
def test_an_unknown_code_is_refused(code: str) -> None:
    with pytest.raises(UserError, match="not a known language code"):
        iso639_3(code)
