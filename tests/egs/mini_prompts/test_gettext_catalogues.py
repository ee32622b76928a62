"""Catalogues: selection of messages that are sentences in all five languages."""

import struct
from pathlib import Path

import pytest

from espnet_ext.utils.errors import UserError
from gettext_catalogues import (
    TRANSLATIONS,
    clean_message,
    parse_catalogues,
    read_catalogue,
)


def write_mo(path: Path, messages: dict[str, str]) -> None:
    """Write a little-endian catalogue in the layout of the GNU gettext manual."""
    entries = [(b"", b"Content-Type: text/plain; charset=UTF-8\n")]
    entries += sorted((key.encode(), value.encode()) for key, value in messages.items())
    keys, values = [key for key, _ in entries], [value for _, value in entries]
    tables = 28 + 16 * len(entries)
    offsets, position = [], tables
    for text in keys + values:
        offsets.append(struct.pack("<II", len(text), position))
        position += len(text) + 1
    header = struct.pack("<7I", 0x950412DE, 0, len(entries), 28, 28 + 8 * len(entries), 0, tables)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(header + b"".join(offsets) + b"".join(text + b"\0" for text in keys + values))


def write_package(root: Path, messages: dict[str, dict[str, str]], domain: str = "app") -> None:
    """`messages` is English -> folder of the language -> translation."""
    for code in TRANSLATIONS:
        path = root / f"usr/share/locale/{code}/LC_MESSAGES/{domain}.mo"
        write_mo(path, {english: texts[code] for english, texts in messages.items() if code in texts})


def translated(word: str) -> dict[str, str]:
    return {"es": f"hola {word}", "fr": f"bonjour {word}", "it": f"ciao {word}", "ru": f"привет {word}"}


@pytest.mark.parametrize(
    ("message", "text"),
    [
        ("_Open the file…", "Open the file"),
        ("F_ile menu:", "File menu"),
        ("Are you sure?", "Are you sure?"),
        ("Save", None),
        ("one two three four five six seven eight nine ten eleven twelve", "one two three four five six seven "
         "eight nine ten eleven twelve"),
        ("one two three four five six seven eight nine ten eleven twelve thirteen", None),
        ("%s is online", None),
        ("Hello {name} again", None),
        ("<b>Bold text</b>", None),
        ("Two\nlines", None),
        ("a_b c_d", None),
        ("Visit gnome.org now", None),
        ("USB HID", None),
        ("Use --force here", None),
        ('The "quoted" word', None),
    ],
)  # fmt: skip
def test_only_prose_is_selected(message: str, text: str | None) -> None:
    assert clean_message(message) == text


def test_sentences_of_all_languages_are_selected(tmp_path: Path) -> None:
    messages = {
        "hello world": translated("mundo"),
        "menu\x04_good day": translated("giorno"),  # with a context
        "not in Russian": {code: text for code, text in translated("x").items() if code != "ru"},
        "left in English": translated("y") | {"fr": "Left in English!"},
        "two the same": translated("z") | {"it": "hola z"},
        "too short": translated("w") | {"es": "hola"},
        "a test sentence": translated("q") | {"ru": "Тестовая фраза!"},
    }
    write_package(tmp_path / "one", messages)
    write_package(tmp_path / "two", {"Hello, world!": translated("otra")})
    roots = {"one": tmp_path / "one", "two": tmp_path / "two"}
    sentences = parse_catalogues(roots, {"тестовая фраза"})
    assert {sentence.texts["eng"]: sentence.texts for sentence in sentences} == {
        "hello world": {
            "eng": "hello world",
            "spa": "hola mundo",
            "fra": "bonjour mundo",
            "ita": "ciao mundo",
            "rus": "привет mundo",
        },
        "good day": {
            "eng": "good day",
            "spa": "hola giorno",
            "fra": "bonjour giorno",
            "ita": "ciao giorno",
            "rus": "привет giorno",
        },
    }
    assert len({sentence.id for sentence in sentences}) == 2
    assert parse_catalogues(dict(reversed(roots.items())), {"тестовая фраза"}) == sentences


def test_the_error_names_a_damaged_catalogue(tmp_path: Path) -> None:
    write_package(tmp_path, {"hello world": translated("x")})
    path = tmp_path / "usr/share/locale/fr/LC_MESSAGES/app.mo"
    for damaged in (path.read_bytes()[:30], b"", b"no catalogue at all, but some text"):
        path.write_bytes(damaged)
        with pytest.raises(UserError, match=r"fr/LC_MESSAGES/app\.mo: cannot read the catalogue"):
            read_catalogue(path)


def test_a_package_without_catalogues_in_all_languages_adds_nothing(tmp_path: Path) -> None:
    write_package(tmp_path / "one", {"hello world": translated("x")})
    write_package(tmp_path / "two", {"good day": translated("y")})
    (tmp_path / "two/usr/share/locale/fr/LC_MESSAGES/app.mo").unlink()
    sentences = parse_catalogues({name: tmp_path / name for name in ("one", "two", "three")}, set())
    assert [sentence.texts["eng"] for sentence in sentences] == ["hello world"]
