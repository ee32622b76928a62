"""The commands of stages 1 and 2: exit status, one error line, bad options."""

import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile

from espnet_ext.bin import dump_audio, validate_data
from espnet_ext.bin.entry import run_main
from espnet_ext.kaldi.archives import read_dumped
from espnet_ext.kaldi.data_dir import DataDir
from espnet_ext.kaldi.scp import read_scp
from espnet_ext.kaldi.utterances import Utterance, write_utterances


@pytest.fixture
def data(tmp_path: Path) -> Path:
    folder = tmp_path / "my data" / "train"
    folder.mkdir(parents=True)
    utterances = []
    for number in range(3):
        path = folder / f"{number}.wav"
        soundfile.write(path, np.full(8000, 0.1), 16000)
        utterances.append(Utterance(f"a-{number}", "a", path, 8000, "eng", text=f"Text {number}"))
    write_utterances(folder, utterances)
    return folder


def run(monkeypatch: pytest.MonkeyPatch, main: Callable[[], None], *arguments: object) -> int:
    """Exit status of a command."""
    monkeypatch.setattr(sys, "argv", ["command", *map(str, arguments)])
    with pytest.raises(SystemExit) as exit_:
        run_main(main)
    return exit_.value.code


def test_dump_then_validate(monkeypatch: pytest.MonkeyPatch, capsys, data: Path, tmp_path: Path) -> None:
    dump = tmp_path / "my dump"
    arguments = ("--data_dir", data, "--dump_dir", dump, "--speed_perturb", "0.9", "--nj", "1")
    assert run(monkeypatch, dump_audio.main, *arguments) == 0
    assert "6 utterances; 0 left out" in capsys.readouterr().out
    assert run(monkeypatch, validate_data.main, dump) == 0
    assert "6 utterances, valid" in capsys.readouterr().out
    assert len(DataDir(dump).utterances) == 6


def test_segments_of_a_recording_are_validated_and_dumped(
    monkeypatch: pytest.MonkeyPatch, capsys, tmp_path: Path
) -> None:
    folder, dump = tmp_path / "talks", tmp_path / "dump"
    folder.mkdir()
    talk = np.random.default_rng(0).integers(-8000, 8000, 32000).astype(np.int16)
    soundfile.write(folder / "talk.flac", talk, 16000)
    spans = {"a-1": ((0.0, 0.5),), "a-2": ((0.25, 0.5), (1.5, 2.05))}
    utterances = [
        Utterance(name, "a", folder / "talk.flac", 8000, "ita", recording="t", spans=times, translations={"eng": "x"})
        for name, times in spans.items()
    ]
    write_utterances(folder, utterances)
    assert run(monkeypatch, validate_data.main, folder) == 0
    assert "2 utterances, valid" in capsys.readouterr().out
    assert run(monkeypatch, dump_audio.main, "--data_dir", folder, "--dump_dir", dump, "--nj", "1") == 0
    assert run(monkeypatch, validate_data.main, dump) == 0
    assert not (dump / "segments").exists()
    assert read_scp(dump / "text.eng") == {"a-1": "x", "a-2": "x"}
    expected = {"a-1": talk[:8000], "a-2": np.concatenate([talk[4000:8000], talk[24000:]])}
    for name, entry in read_scp(dump / "wav.scp").items():
        np.testing.assert_array_equal(read_dumped(entry), expected[name] / np.float32(32768))
    (folder / "segments").write_text("a-1 t 0 0.5\na-2 t 1.5 2.2\n")
    assert run(monkeypatch, validate_data.main, folder) == 1
    assert "segments:2: utterance 'a-2' ends at 2.2 s, but" in capsys.readouterr().err


def test_broken_audio_gives_one_error_line(monkeypatch: pytest.MonkeyPatch, capsys, data: Path, tmp_path: Path) -> None:
    (data / "1.wav").write_bytes(b"broken")
    assert run(monkeypatch, dump_audio.main, "--data_dir", data, "--dump_dir", tmp_path / "dump") == 1
    errors = [line for line in capsys.readouterr().err.splitlines() if line.startswith("error: ")]
    assert len(errors) == 1
    assert errors[0].startswith(f"error: {data}: utterance a-1: {data / '1.wav'}: cannot decode audio")


def test_a_leak_gives_one_error_line(monkeypatch: pytest.MonkeyPatch, capsys, data: Path) -> None:
    assert run(monkeypatch, validate_data.main, data, "--train_dir", data) == 1
    assert capsys.readouterr().err.startswith(f"error: {data} overlaps with {data} in ")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--speed_perturb", "1.0"], "1 is not a speed"),
        (["--speed_perturb", "0.9", "0.9"], "given twice"),
        (["--min_duration_s", "3", "--max_duration_s", "2"], "below --max_duration_s"),
        (["--nj", "0"], "--nj: must be at least 1"),
    ],
)
def test_bad_dump_options_are_refused(
    monkeypatch: pytest.MonkeyPatch, capsys, options: list[str], message: str
) -> None:
    assert run(monkeypatch, dump_audio.main, "--data_dir", "d", "--dump_dir", "e", *options) == 1
    assert message in capsys.readouterr().err
