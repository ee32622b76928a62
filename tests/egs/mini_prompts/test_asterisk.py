"""One fixture for each irregularity of the core sounds."""

import gzip
from pathlib import Path

import pytest

from asterisk import CORE_VOICES, has_lost_letter, list_prompts, parse_core_voice, read_transcripts
from espnet_ext.kaldi.excluded import Exclusions
from espnet_ext.utils.errors import UserError
from helpers.asterisk_tree import write_core_voice

VOICE = CORE_VOICES[3]  # Italian


def write_list(tmp_path: Path, content: bytes) -> Path:
    path = tmp_path / "core-sounds-it.txt.gz"
    path.write_bytes(gzip.compress(content))
    return path


def test_marks_comments_spaces_and_repeated_keys_of_transcripts_are_handled(tmp_path: Path) -> None:
    content = (
        "\ufeff; Core Asterisk Sounds\n\n  ; another comment\n"
        "activated: Attivato.\n"
        "conf-menu: conf-menu: Premi 1:  per   uscire\n"
        "digits/1 : uno\n"
        "digits/0: zero\n"
        "digits/0: dieci\n"
        "empty:\n"
    )
    assert read_transcripts(write_list(tmp_path, content.encode())) == {
        "activated": "Attivato.",
        "conf-menu": "Premi 1: per uscire",
        "digits/1": "uno",
        "digits/0": "zero",
        "empty": "",
    }


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"a: uno\nb: pi\xf9\n", r"txt\.gz:2: not UTF-8"),
        (b"a: uno\n\nno key here\n", r"txt\.gz:3: expected `key: text`"),
        (b"two words: text\n", r"txt\.gz:1: expected `key: text`"),
    ],
)
def test_the_error_names_a_bad_line(tmp_path: Path, content: bytes, message: str) -> None:
    with pytest.raises(UserError, match=message):
        read_transcripts(write_list(tmp_path, content))


@pytest.mark.parametrize("damage", [lambda data: data[:-9], lambda data: b"no gzip" + data, lambda data: b"\x1f\x8b"])
def test_the_error_names_a_damaged_list(tmp_path: Path, damage) -> None:
    path = write_list(tmp_path, b"a: uno\n" * 100)
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(UserError, match=r"txt\.gz: cannot unzip"):
        read_transcripts(path)
    path.unlink()
    with pytest.raises(UserError, match=r"txt\.gz: no such transcript"):
        read_transcripts(path)


@pytest.mark.parametrize(
    ("text", "lost"),
    [
        ("La conferenza ? piena.", True),
        ("non pu? essere", True),
        ("num?ro", True),
        ("? essere", True),
        ("Casella di posta?", False),
        ("In que carpeta ?", False),
        ("Quale? Premi 1.", False),
        ("Quale? È tardi.", False),
        ("No question.", False),
    ],
)
def test_lost_letters_are_distinguished_from_question_marks(text: str, lost: bool) -> None:
    assert has_lost_letter(text) == lost


TRANSCRIPT = """\
good: Buongiorno a tutti
lost: La linea ? occupata
tone: [toni ascendenti]
beep: (beep)
join: <beep ascending>
part: Il [suo] messaggio
short: No
long: Parole
digits/1: uno
is:
orphan: text without a file
"""
SECONDS = {
    "good": 1.0, "lost": 1.0, "tone": 1.0, "beep": 1.0, "join": 1.0, "part": 1.0, "short": 0.39, "long": 10.1,
    "digits/1": 0.4, "is": 0.0, "untold": 1.0, "extra1": 10.0, "extra2": 1.0, "extra3": 1.0,
}  # fmt: skip


def test_prompts_are_kept_or_excluded_with_a_reason(tmp_path: Path) -> None:
    transcript = TRANSCRIPT + "extra1: Dieci\nextra2: Due\nextra3: Tre\n"
    more = SECONDS | {f"more{number}": 1.0 for number in range(4)}
    transcript += "".join(f"more{number}: Numero {number}\n" for number in range(4))
    roots = write_core_voice(tmp_path, VOICE, transcript.encode(), more)
    excluded = Exclusions()
    kept = parse_core_voice(VOICE, *roots, excluded)
    assert set(kept) == {"good", "lost", "digits/1", "extra1", "extra2", "extra3", *(f"more{n}" for n in range(4))}
    assert kept["good"].id == "carlo-ita-good"
    assert kept["good"].text == "Buongiorno a tutti"
    assert kept["good"].num_samples == 16000
    assert kept["lost"].text is None
    digit = kept["digits/1"]
    assert (digit.id, digit.speaker, digit.language) == ("carlo-ita-digits.1", "carlo", "ita")
    reasons = {entry.utterance.removeprefix("carlo-ita-"): entry.reason for entry in excluded.entries}
    assert reasons == {
        "tone": "bracketed text, not only speech",
        "beep": "bracketed text, not only speech",
        "join": "bracketed text, not only speech",
        "part": "bracketed text, not only speech",
        "short": "shorter than 0.4 s",
        "long": "longer than 10 s",
        "is": "no transcript",
        "untold": "no transcript",
    }


def test_the_error_names_an_empty_file_with_a_transcript(tmp_path: Path) -> None:
    roots = write_core_voice(tmp_path, VOICE, b"a: Attivato\n", {"a": 0.0})
    with pytest.raises(UserError, match=r"a\.g722: empty audio file"):
        parse_core_voice(VOICE, *roots, Exclusions())


def test_a_list_that_fits_no_file_is_an_error(tmp_path: Path) -> None:
    roots = write_core_voice(tmp_path, VOICE, b"a: Attivato\n", {"a": 1.0, "b": 1.0, "c": 1.0})
    with pytest.raises(UserError, match="2 of 3 utterances left out, more than 50%"):
        parse_core_voice(VOICE, *roots, Exclusions())


def test_the_error_names_missing_audio(tmp_path: Path) -> None:
    audio, text = write_core_voice(tmp_path, VOICE, b"a: Attivato\n", {})
    with pytest.raises(UserError, match=r"it_IT_m_Carlo: no \.g722 files"):
        parse_core_voice(VOICE, audio, text, Exclusions())


def test_copies_written_by_macos_are_not_listed(tmp_path: Path) -> None:
    for name in ("x/a.wav", "x/._a.wav"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    assert list_prompts(tmp_path, ".wav") == {"x/a": tmp_path / "x/a.wav"}
