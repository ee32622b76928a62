"""Bad input to the commands: one line with problem, location and fix, status 1, no partial output."""

import importlib
import os
import resource
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import kaldiio
import numpy as np
import pytest
import soundfile
from safetensors.numpy import load_file, save_file

from espnet_ext.bin.entry import run_main
from espnet_ext.kaldi.utterances import Utterance, write_utterances
from helpers.tiny_recipe import TinyRecipe

Words = list[object]


def check_error(status: int, output: str, *parts: str) -> None:
    """Check for exactly one error line, with all `parts`, and no traceback."""
    lines = [line for line in output.splitlines() if line.startswith("error: ")]
    assert (status, len(lines)) == (1, 1), output
    assert "Traceback" not in output
    for part in parts:
        assert part in lines[0]


@pytest.fixture
def call(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Callable[[str, Words], tuple[int, str]]:
    """Run a command in this process, to save the time of its imports; return status and both outputs."""

    def run(command: str, words: Words) -> tuple[int, str]:
        monkeypatch.setattr(sys, "argv", [command, *map(str, words)])
        capfd.readouterr()
        with pytest.raises(SystemExit) as exit_:
            run_main(importlib.import_module(f"espnet_ext.bin.{command}").main)
        return exit_.value.code, "".join(capfd.readouterr())

    return run


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A data directory of three utterances and a trial list, below folders with a space and a quote."""
    folder = tmp_path / "it's a test" / "my data"
    (folder / "trials").mkdir(parents=True)
    utterances = []
    for number in range(3):
        path = folder / f"clip {number}.wav"
        soundfile.write(path, np.full(8000, 0.1), 16000)
        utterances.append(Utterance(f"a-{number}", "a", path, 8000, "eng", text=f"Text {number}"))
    write_utterances(folder, utterances)
    (folder / "trials/mine").write_text("1 a-0 a-1\n")
    return folder


def rewrite(path: Path, old: bytes, new: bytes) -> None:
    content = path.read_bytes()
    assert old in content
    path.write_bytes(content.replace(old, new))


# Damage of the data directory, and the expected line.
DATA_FAULTS = {
    "no audio": (lambda d: (d / "clip 1.wav").write_bytes(b"broken"), ["a-1", "clip 1.wav", "cannot decode"]),
    "absent": (lambda d: (d / "clip 1.wav").unlink(), ["wav.scp:2", "clip 1.wav", "no such audio file"]),
    "empty": (lambda d: (d / "clip 1.wav").write_bytes(b""), ["a-1", "clip 1.wav", "empty audio file"]),
    "cut": (lambda d: (d / "clip 1.wav").write_bytes((d / "clip 2.wav").read_bytes()[:9000]), ["a-1", "is cut"]),
    "two channels": (
        lambda d: soundfile.write(d / "clip 1.wav", np.zeros((8000, 2)), 16000),
        ["a-1", "clip 1.wav", "2 channels, expected 1; convert it to mono"],
    ),
    "NaN": (
        lambda d: soundfile.write(d / "clip 1.wav", np.full(8000, np.nan), 16000, subtype="FLOAT"),
        ["a-1", "clip 1.wav", "sample 0 is not a finite number"],
    ),
    "encoding": (lambda d: rewrite(d / "text", b"Text 1", b"T\xe9xt"), ["text:2: not UTF-8", "convert it to UTF-8"]),
    "duplicate": (lambda d: rewrite(d / "wav.scp", b"a-1 ", b"a-0 "), ["wav.scp:2: 'a-0' is listed twice", "remove"]),
    "trial": (lambda d: rewrite(d / "trials/mine", b"a-1", b"a-9"), ["mine:1: utterance 'a-9' is not in"]),
}


@pytest.mark.parametrize("fault", DATA_FAULTS)
def test_a_bad_data_directory_is_not_dumped(call: Callable, data: Path, tmp_path: Path, fault: str) -> None:
    damage, parts = DATA_FAULTS[fault]
    damage(data)
    status, output = call("dump_audio", ["--data_dir", data, "--dump_dir", tmp_path / "dump", "--nj", 1])
    check_error(status, output, *parts)
    assert {path.name for path in (tmp_path / "dump").rglob("*") if path.is_file()} <= {"unreadable.tsv"}


@pytest.mark.parametrize(("command", "words"), [("embed", []), ("dump_targets", []), ("pack", ["--modle", "x"])])
def test_a_wrong_option_gives_one_error_line(call: Callable, command: str, words: Words) -> None:
    check_error(*call(command, words), "required: ", "see --help")


MODEL_FAULTS = {
    "truncated": (lambda weights, path: path.write_bytes(path.read_bytes()[:-100]), ["damaged weights file"]),
    "missing": (lambda weights, path: save_file(dict(list(weights.items())[1:]), path), ["is missing"]),
    "extra": (lambda weights, path: save_file(weights | {"zz": np.zeros(1, np.float32)}, path), ["zz is unknown"]),
}


@pytest.mark.parametrize("fault", MODEL_FAULTS)
def test_an_incomplete_model_embeds_nothing(
    call: Callable, data: Path, model_folder: Path, tmp_path: Path, fault: str
) -> None:
    folder = tmp_path / "my model"
    shutil.copytree(model_folder, folder)
    damage, parts = MODEL_FAULTS[fault]
    damage(load_file(folder / "model.safetensors"), folder / "model.safetensors")
    status, output = call("embed", ["--model", folder, "--out", tmp_path / "out.npz", data])
    check_error(status, output, "my model/model.safetensors", *parts)
    status, output = call("pack", ["--model", folder, "--out", tmp_path / "packed"])
    check_error(status, output, "my model/model.safetensors", *parts)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["it's a test", "my model"]


@pytest.mark.parametrize("fault", ["no audio", "two channels", "NaN"])
def test_one_bad_recording_embeds_nothing(
    call: Callable, data: Path, model_folder: Path, tmp_path: Path, fault: str
) -> None:
    DATA_FAULTS[fault][0](data)
    status, output = call("embed", ["--model", model_folder, "--out", tmp_path / "x.npz", data / "clip 1.wav"])
    check_error(status, output, "clip 1.wav", *DATA_FAULTS[fault][1][2:])
    assert not [path for path in tmp_path.rglob("*.npz") if path.is_file()]


def test_a_data_directory_is_not_accepted_as_a_dump(call: Callable, finished: TinyRecipe, data: Path) -> None:
    words = ["--attributes", finished.path / "conf/attributes.yaml", "--attribute", "spk", "--dump_dir", data]
    check_error(*call("dump_targets", words), "utterance a-0: ", "clip 0.wav", "is not `archive:offset`")
    assert not list(data.glob("*target*"))


def test_dumped_audio_of_another_rate_is_refused(call: Callable, finished: TinyRecipe, tmp_path: Path) -> None:
    dump = tmp_path / "dump"
    dump.mkdir()
    tone = np.sin(np.arange(8000)) * 8000
    flac = {"write_function": "soundfile", "write_kwargs": {"format": "FLAC", "subtype": "PCM_16"}}
    kaldiio.save_ark(str(dump / "a.ark"), {"a-1": (tone.astype(np.int16), 8000)}, **flac)
    (dump / "wav.scp").write_text(f"a-1 {dump / 'a.ark'}:4\n")
    (dump / "utt2num_samples").write_text("a-1 8000\n")
    attributes = finished.path / "conf/attributes.yaml"
    status, output = call("dump_targets", ["--attributes", attributes, "--attribute", "spk", "--dump_dir", dump])
    check_error(status, output, "a.ark:4", "8000 Hz, expected mono at 16000 Hz; run stage 2 again")
    assert not list(dump.glob("*target*"))


FULL_DISK = {
    "dump_audio": (20, "--data_dir {data} --dump_dir {out} --nj 1", "audio.0000.ark"),
    "dump_targets": (4, "--attributes {conf}/attributes.yaml --attribute sem --dump_dir {out}", "target_sem."),
    "utt_train": (
        20_000,
        "--config {conf}/train_heads.yaml --output_dir {out}/exp --input layers --train_dump {dump}/train --ngpu 0 "
        "--valid_dump {dump}/dev --attributes {conf}/attributes.yaml --attribute_names spk --encoder {encoder}",
        "checkpoint.pth",
    ),
}


@pytest.mark.parametrize("command", FULL_DISK)
def test_a_full_disk_leaves_no_partial_output(
    finished: TinyRecipe, model_folder: Path, tmp_path: Path, command: str
) -> None:
    """A limit on the file size simulates a full disk: the same calls fail in the same way, without privileges."""
    kilobytes, words, file = FULL_DISK[command]
    out = tmp_path / "my output"
    if command == "dump_targets":
        shutil.copytree(finished.path / "dump/test_sent", out, ignore=shutil.ignore_patterns("*target*"))
    before = set(out.rglob("*"))
    config = finished.path.joinpath("exp/utt_sem+spk/heads/config.yaml").read_text()
    encoder = next(line.split(": ", 1)[1] for line in config.splitlines() if line.startswith("encoder: "))
    places = {
        "{data}": finished.path / "data/train",
        "{dump}": finished.path / "dump",
        "{conf}": finished.path / "conf",
        "{encoder}": encoder,
        "{out}": out,
    }
    arguments = [word for word in words.split()]
    for key, value in places.items():
        arguments = [word.replace(key, str(value)) for word in arguments]
    done = subprocess.run(
        [sys.executable, "-m", f"espnet_ext.bin.{command}", *arguments],
        cwd=finished.path,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        # Python writes compiled modules cut at the limit, which break later runs.
        env=os.environ | {"PYTHONDONTWRITEBYTECODE": "1"},
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (kilobytes * 1024,) * 2),
    )
    check_error(done.returncode, done.stdout, "File too large", str(out), file)
    assert {path.name for path in set(out.rglob("*")) - before if path.is_file()} <= {"config.yaml"}


def test_the_error_names_a_truncated_archive_in_the_cache(finished: TinyRecipe, tmp_path: Path) -> None:
    archive = tmp_path / "my cache/archives/asterisk-core-sounds-fr_1.6.1-1.deb"
    archive.parent.mkdir(parents=True)
    archive.write_bytes(b"!<arch>\n")
    recipe = TinyRecipe.make(tmp_path / "it's mine")
    output = recipe.run("--cache_dir", str(tmp_path / "my cache"), "--stop-stage", "1", status=1)
    check_error(1, output, str(archive), "truncated; remove the file and run again")
    assert [path.name for path in recipe.path.glob("data/*")] == [".steps"]


def test_the_error_names_an_unknown_key_in_the_attributes(finished: TinyRecipe) -> None:
    own = finished.path / "conf/mistyped.yaml"
    own.write_text((finished.path / "conf/attributes.yaml").read_text().replace("pooling:", "poling:"))
    output = finished_again(finished).run("--attributes", "conf/mistyped.yaml", status=1)
    check_error(1, output, "conf/mistyped.yaml: attributes.sem.head: unknown key 'poling' (did you mean pooling?)")


def test_an_unknown_key_in_a_training_config_is_an_error_before_stage_1(finished: TinyRecipe) -> None:
    own = finished.path / "conf/mistyped_training.yaml"
    own.write_text((finished.path / "conf/train_heads.yaml").read_text() + "max_epochs: 3\n")
    options = ("--phases", "heads=conf/mistyped_training.yaml", "--expdir", "exp of a mistake")
    output = finished_again(finished).run(*options, status=1)
    check_error(1, output, "max_epochs (from conf/mistyped_training.yaml)")
    assert not (finished.path / "exp of a mistake").exists()
    assert "Stage 1" not in output


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--stgae", "3"], "unknown option --stgae; options: --stage"),
        (["3"], "3: not an option; see ./run.sh --help"),
        (["--stage", "three"], "--stage must be a whole number, not 'three'"),
        (["--ngpu"], "option --ngpu needs a value"),
        (["--systems", "sem+lang"], "conf/attributes.yaml declares no attribute 'lang'; declared: sem, spk"),
        (["--phases", "heads=conf/no.yaml", "--stage", "3"], "conf/no.yaml: no such training config"),
        (["--encoder", "whisper-huge", "--stage", "3"], "encoder 'whisper-huge': neither a folder"),
        (
            ["--phases", "a=conf/train_heads.yaml a=conf/train_finetune.yaml"],
            "two phases have the name 'a'",
        ),
        (["--phases", "..=conf/train_heads.yaml"], "--phases: '..' cannot be the name of a phase"),
        (["--phases", "results=conf/train_heads.yaml"], "--phases: 'results' cannot be the name of a phase"),
        (["--systems", "sem sem"], "--systems: sem is given twice"),
        (["--ngpu", "99", "--stop-stage", "1"], "--ngpu 99: torch finds "),
        (["--executor", "tcp://", "--dumpdir", "dump of a mistake", "--stage", "2"], "--executor: 'tcp://' is none of"),
    ],
)
def test_a_wrong_option_of_a_recipe_gives_one_error_line(finished: TinyRecipe, words: list[str], message: str) -> None:
    check_error(1, finished_again(finished).run(*words, status=1), message)


def finished_again(finished: TinyRecipe) -> TinyRecipe:
    """Run again in the same folder; the output of the first run is kept."""
    return TinyRecipe(finished.path)
