"""Data directories are read back as written, and each error names its line."""

import os
from pathlib import Path

import pytest

from espnet_ext.audio.waveform import AudioSource
from espnet_ext.kaldi.data_dir import DataDir
from espnet_ext.kaldi.scp import ScpIndex, read_scp, write_scp
from espnet_ext.kaldi.utterances import Utterance, write_utterances
from espnet_ext.utils.errors import UserError


def test_values_keep_spaces_and_keys_are_sorted_by_code_point(tmp_path: Path) -> None:
    mapping = {"é": "last", "B": "/a path/with  spaces.wav", "a": "x", "_": "Año\u00a0nuevo \u2028 y más"}
    write_scp(tmp_path / "wav.scp", mapping)
    assert read_scp(tmp_path / "wav.scp") == mapping
    lines = (tmp_path / "wav.scp").read_bytes().split(b"\n")
    assert lines[:-1] == sorted(lines[:-1])


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"a 1\nb 2\nb 3\n", r"scp:3: 'b' is listed twice"),
        (b"b 1\na 2\n", r"scp:2: 'a' is out of order"),
        (b"a 1\nb \xff\n", r"scp:2: not UTF-8"),
        (b"a 1\nb\n", r"scp:2: expected `key value`"),
        (b"a 1\n\nb 2\n", r"scp:2: expected `key value`"),
        (b"a 1\nb \t\n", r"scp:2: expected `key value`"),
        (b"a 1\r\n", r"scp:1: U\+000D \(carriage return\)"),
        ("a 1\nb\u00a0 2\n".encode(), r"scp:2: U\+00A0 \(NO-BREAK SPACE\)"),
        ("a 1\nb 2\u00a0\n".encode(), r"scp:2: U\+00A0 \(NO-BREAK SPACE\)"),
        ("a 1\nb \u30002\n".encode(), r"scp:2: U\+3000 \(IDEOGRAPHIC SPACE\)"),
        ("a 1\nb\u2009c 2\n".encode(), r"scp:2: U\+2009 \(THIN SPACE\)"),
        ("a 1\n\ufeffb 2\n".encode(), r"scp:2: U\+FEFF \(ZERO WIDTH NO-BREAK SPACE\)"),
        (b"a 1\nb 2\x0b\n", r"scp:2: U\+000B \(control character\)"),
    ],
)
def test_the_error_names_a_bad_line(tmp_path: Path, content: bytes, message: str) -> None:
    (tmp_path / "scp").write_bytes(content)
    with pytest.raises(UserError, match=message):
        read_scp(tmp_path / "scp")


@pytest.mark.parametrize(
    "line", ["a x  y", "a x  y ", "a  x  y", "a\tx  y", " a \t x  y\t ", "\ufeffa x  y", "\ufeff\ta x  y"]
)
def test_blanks_around_key_and_value_and_a_byte_order_mark_are_ignored(tmp_path: Path, line: str) -> None:
    for ending in ("", "\n", "\nb \tz\n"):
        (tmp_path / "scp").write_bytes(f"{line}{ending}".encode())
        expected = {"a": "x  y", "b": "z"} if "b" in ending else {"a": "x  y"}
        assert read_scp(tmp_path / "scp") == expected
        assert dict(ScpIndex(tmp_path / "scp")) == expected


def test_the_error_names_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="utt2spk: no such file"):
        read_scp(tmp_path / "utt2spk")


NO_UTF8 = os.fsdecode(b"\xe9.wav")


@pytest.mark.parametrize("mapping", [
    {"a b": "x"}, {"": "x"}, {"a": ""}, {"a": "x\ny"}, {"a": NO_UTF8},
    {"a": "x "}, {"a": "\tx"}, {"a": "x\u00a0"}, {"a\u00a0": "x"}, {"\ufeffa": "x"},
])  # fmt: skip
def test_a_value_with_several_lines_is_not_written(tmp_path: Path, mapping: dict[str, str]) -> None:
    with pytest.raises(UserError, match="cannot write"):
        write_scp(tmp_path / "scp", mapping)
    assert not (tmp_path / "scp").exists()


def test_written_utterances_are_read_back(tmp_path: Path) -> None:
    spoken = Utterance("s-2", "s", Path("/x y/2.wav"), 320, "fra", text="Oui.", sentence="yes")
    silent = Utterance("s-1", "s", Path("/x y/1.wav"), 160, "ita", source="synthetic")
    write_utterances(tmp_path, [spoken, silent])
    data = DataDir(tmp_path)
    assert data.utterances == ["s-1", "s-2"]
    assert data.wav_scp["s-2"] == "/x y/2.wav"
    assert data.utt2num_samples == {"s-1": 160, "s-2": 320}
    assert data.utt2lang == {"s-1": "ita", "s-2": "fra"}
    assert data.utt2source == {"s-1": "synthetic", "s-2": "real"}
    assert data.text == {"s-2": "Oui."}
    assert data.utt2sent == {"s-2": "yes"}
    assert data.spk2utt == {"s": "s-1 s-2"}
    assert data.read("utt2gender") is None


def test_blanks_around_a_text_are_not_written(tmp_path: Path) -> None:
    texts = {"text": "\u00a0Oui  !\u00a0", "translations": {"eng": " Yes. "}}
    padded = Utterance("s-1", "s", Path("/1.wav"), 160, "fra", **texts)
    write_utterances(tmp_path, [padded, Utterance("s-2", "s", Path("/2.wav"), 160, "fra", text="\ufeff ")])
    data = DataDir(tmp_path)
    assert data.text == {"s-1": "Oui  !"}
    assert data.read("text.eng") == {"s-1": "Yes."}


@pytest.mark.parametrize(
    ("locator", "reason"),
    [
        ("sph2pipe -f wav /x.sph |", "commands are not run"),
        ("sox a.mp3 -t wav - |", "commands are not run"),
        ("| gzip -c > x", "commands are not run"),
        ("https://somewhere/a.wav", "addresses are not fetched"),
        ("s3://bucket/a b.wav", "addresses are not fetched"),
        ("-", "audio is not read from standard input"),
    ],
)
def test_the_error_names_audio_that_is_not_in_a_file(tmp_path: Path, locator: str, reason: str) -> None:
    write_scp(tmp_path / "wav.scp", {"a": "/a.wav", "b": locator})
    with pytest.raises(UserError, match=rf"wav.scp:2: .*: {reason}; write the audio to a file first"):
        DataDir(tmp_path).sources()


def test_a_file_can_have_the_name_of_a_command(tmp_path: Path) -> None:
    (tmp_path / "sound |").touch()
    write_scp(tmp_path / "wav.scp", {"a": tmp_path / "sound |"})
    assert DataDir(tmp_path).wav_scp == {"a": f"{tmp_path}/sound |"}


def test_hidden_files_are_not_trial_lists(tmp_path: Path) -> None:
    (tmp_path / "trials").mkdir()
    for name in ("a", "._a", ".DS_Store"):
        (tmp_path / "trials" / name).touch()
    assert DataDir(tmp_path).trials() == {"a": tmp_path / "trials/a"}


def test_parts_of_recordings_are_written_as_segments(tmp_path: Path) -> None:
    path = Path("/x y/talk.flac")
    first = Utterance("s-1", "s", path, 8000, "spa", recording="talk", spans=((1.0, 1.5),), text="Sí.")
    second = Utterance(
        "s-2",
        "s",
        path,
        24000,
        "spa",
        recording="talk",
        spans=((2.0, 3.0), (4.5, 5.0)),
        translations={"eng": "No.", "fra": "Non."},
        labels={"gender": "female"},
    )
    write_utterances(tmp_path, [second, first])
    data = DataDir(tmp_path)
    assert data.wav_scp == {"talk": "/x y/talk.flac"}
    assert data.utterances == ["s-1", "s-2"]
    assert data.sources() == {
        "s-1": AudioSource("/x y/talk.flac", ((1.0, 1.5),)),
        "s-2": AudioSource("/x y/talk.flac", ((2.0, 3.0), (4.5, 5.0))),
    }
    assert data.read("text.eng") == {"s-2": "No."}
    assert data.read("text.fra") == {"s-2": "Non."}
    assert data.read("utt2gender") == {"s-2": "female"}


def test_a_file_next_to_parts_of_recordings_is_a_separate_recording(tmp_path: Path) -> None:
    part = Utterance("s-1", "s", Path("/talk.flac"), 8000, "spa", recording="talk", spans=((1.0, 1.5),))
    write_utterances(tmp_path, [part, Utterance("s-2", "s", Path("/2.ogg"), 24000, "spa")])
    assert DataDir(tmp_path).wav_scp == {"s-2": "/2.ogg", "talk": "/talk.flac"}
    assert DataDir(tmp_path).sources()["s-2"] == AudioSource("/2.ogg", ((0.0, 1.5),))


def test_without_segments_the_sources_are_whole_files(tmp_path: Path) -> None:
    write_utterances(tmp_path, [Utterance("s-1", "s", Path("/1.wav"), 160, "ita")])
    assert DataDir(tmp_path).sources() == {"s-1": AudioSource("/1.wav")}


def test_a_recording_with_two_files_is_refused(tmp_path: Path) -> None:
    parts = [
        Utterance(f"s-{name}", "s", Path(f"/{name}.wav"), 1, "eng", recording="r", spans=((0, 1),)) for name in "ab"
    ]
    with pytest.raises(UserError, match="recording 'r' is both /a.wav and /b.wav"):
        write_utterances(tmp_path, parts)


def test_the_error_names_a_segment_of_an_unknown_recording(tmp_path: Path) -> None:
    write_scp(tmp_path / "wav.scp", {"talk": "/talk.flac"})
    (tmp_path / "segments").write_text("s-1 other 0 1\n")
    with pytest.raises(UserError, match="recording 'other' of utterance 's-1' is not in wav.scp"):
        DataDir(tmp_path).sources()


def test_the_error_of_an_utterance_written_twice_names_both_files(tmp_path: Path) -> None:
    twice = [Utterance("s-1", "s", Path(f"/{name}.wav"), 1, "eng") for name in "ab"]
    with pytest.raises(UserError, match="'s-1' is both /a.wav and /b.wav"):
        write_utterances(tmp_path, twice)


def test_the_error_names_a_missing_directory(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="absent: no such data directory"):
        DataDir(tmp_path / "absent")
