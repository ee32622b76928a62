"""Outputs are complete or absent, even if writing is interrupted."""

import errno
import json
import os
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from espnet_ext.utils.atomic import atomic_folder, atomic_path, remove_temporary, write_json_atomic, write_text_atomic
from espnet_ext.utils.errors import UserError


def test_text_is_written_byte_for_byte(tmp_path: Path) -> None:
    target = tmp_path / "a folder" / "text"
    write_text_atomic(target, "utt1 ¿Qué?\r\nutt2 слово\n")
    assert target.read_bytes() == "utt1 ¿Qué?\r\nutt2 слово\n".encode()
    assert os.listdir(target.parent) == ["text"]


def test_json_is_read_back_equal_and_nan_is_refused(tmp_path: Path) -> None:
    target = tmp_path / "a.json"
    write_json_atomic(target, {"b": [1, 2.5], "a": "é"})
    assert json.loads(target.read_text(encoding="utf-8")) == {"b": [1, 2.5], "a": "é"}
    with pytest.raises(ValueError):
        write_json_atomic(target, {"loss": float("nan")})
    assert json.loads(target.read_text(encoding="utf-8"))["a"] == "é"


def test_an_error_keeps_the_old_file_and_leaves_nothing_behind(tmp_path: Path) -> None:
    target = tmp_path / "model.bin"
    write_text_atomic(target, "old")
    with pytest.raises(KeyboardInterrupt), atomic_path(target) as temporary:
        temporary.write_text("half")
        raise KeyboardInterrupt
    assert target.read_text() == "old"
    assert os.listdir(tmp_path) == ["model.bin"]


def test_the_temporary_file_keeps_the_suffix_and_the_folder(tmp_path: Path) -> None:
    with atomic_path(tmp_path / "x.tar.gz") as temporary:
        assert temporary.name.endswith("x.tar.gz") and temporary.parent == tmp_path


def test_permissions_are_those_of_ordinary_files_and_folders(tmp_path: Path) -> None:
    mask = os.umask(0o027)
    try:
        write_text_atomic(tmp_path / "file", "")
        with atomic_folder(tmp_path / "folder"):
            pass
    finally:
        os.umask(mask)
    assert stat.S_IMODE((tmp_path / "file").stat().st_mode) == 0o640
    assert stat.S_IMODE((tmp_path / "folder").stat().st_mode) == 0o750


def test_a_full_disk_is_reported_with_the_name_of_the_output(tmp_path: Path) -> None:
    with pytest.raises(OSError) as caught, atomic_path(tmp_path / "big"):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    assert caught.value.filename == str(tmp_path / "big")
    assert os.listdir(tmp_path) == []


def test_a_folder_replaces_the_older_one(tmp_path: Path) -> None:
    for content in ("old", "new"):
        with atomic_folder(tmp_path / "d") as temporary:
            (temporary / content).write_text(content)
    assert os.listdir(tmp_path) == ["d"] and os.listdir(tmp_path / "d") == ["new"]


def test_a_failed_folder_keeps_the_older_one(tmp_path: Path) -> None:
    with atomic_folder(tmp_path / "d") as temporary:
        (temporary / "old").write_text("old")
    with pytest.raises(ValueError), atomic_folder(tmp_path / "d") as temporary:
        (temporary / "new").write_text("new")
        raise ValueError
    assert os.listdir(tmp_path) == ["d"] and os.listdir(tmp_path / "d") == ["old"]


def test_a_killed_writer_leaves_no_output_under_its_name(tmp_path: Path) -> None:
    script = (
        "import os, signal, sys\n"
        "from espnet_ext.utils.atomic import atomic_path\n"
        "with atomic_path(sys.argv[1]) as temporary:\n"
        "    temporary.write_text('half')\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    subprocess.run([sys.executable, "-c", script, tmp_path / "out"], check=False)
    assert not (tmp_path / "out").exists()


KILLED = """
import os, sys
from pathlib import Path
from espnet_ext.utils.atomic import atomic_folder, atomic_path
with {writer}(Path(sys.argv[1])) as temporary:
    print(temporary, flush=True)
    {end}
"""


def start_writer(path: Path, writer: str, end: str) -> tuple[subprocess.Popen[str], Path]:
    """Start a process inside `atomic_path` or `atomic_folder`; return it and its temporary name."""
    words = [sys.executable, "-c", KILLED.format(writer=writer, end=end), str(path)]
    process = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    return process, Path(process.stdout.readline().rstrip())


@pytest.mark.parametrize("writer", [atomic_path, atomic_folder])
@pytest.mark.parametrize("name", ["out.npz", "o[u]t *.npz"])
def test_the_next_writer_removes_temporary_files_of_a_killed_writer(
    tmp_path: Path, writer: Callable, name: str
) -> None:
    process, left = start_writer(tmp_path / name, writer.__name__, "os.kill(os.getpid(), 9)")
    process.wait()
    assert left.exists()
    with writer(tmp_path / name):
        assert not left.exists()
    assert [path.name for path in tmp_path.iterdir()] == [name]


@pytest.mark.parametrize("writer", [atomic_path, atomic_folder])
def test_temporary_files_of_a_running_process_are_kept(tmp_path: Path, writer: Callable) -> None:
    process, left = start_writer(tmp_path / "out", writer.__name__, "sys.stdin.read()")
    try:
        write_text_atomic(tmp_path / "out", "mine")
        remove_temporary(tmp_path)
        assert left.exists()
    finally:
        process.kill()
        process.wait()
    remove_temporary(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_files_of_the_user_with_similar_names_are_kept(tmp_path: Path) -> None:
    (tmp_path / ".tmp-mine").touch()
    (tmp_path / ".tmp-abcdefgh-other").touch()
    write_text_atomic(tmp_path / "out", "")
    assert sorted(path.name for path in tmp_path.iterdir()) == [".tmp-abcdefgh-other", ".tmp-mine", "out"]


LIMITED_WRITERS = {
    "numpy": "numpy.save(path.open('wb'), numpy.zeros(100_000))",
    "safetensors": "safetensors.numpy.save_file({'a': numpy.zeros(100_000)}, path)",
    "libsndfile": "soundfile.write(path, numpy.zeros(100_000), 16000, format='WAV')",
    "a line of its own": "path.write_bytes(bytes(64_000)); raise RuntimeError('short write')",
}


@pytest.mark.parametrize("folder", [True, False])
@pytest.mark.parametrize("writer", LIMITED_WRITERS)
def test_a_full_disk_hidden_by_a_library_is_reported(tmp_path: Path, writer: str, folder: bool) -> None:
    """A limit on the file size simulates a full disk."""
    script = (
        "import resource, sys, numpy, soundfile, safetensors.numpy\n"
        "from pathlib import Path\n"
        "from espnet_ext.utils.atomic import atomic_folder, atomic_path\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (64_000, 64_000))\n"
        "try:\n"
        f"    with {'atomic_folder' if folder else 'atomic_path'}(Path(sys.argv[1])) as path:\n"
        "        path = path / 'x' if path.is_dir() else path\n"
        f"        {LIMITED_WRITERS[writer]}\n"
        "except OSError as error:\n"
        "    print(error.strerror, error.filename, end='')\n"
    )
    done = subprocess.run([sys.executable, "-c", script, tmp_path / "out"], capture_output=True, text=True)
    assert done.stdout == f"File too large {tmp_path / 'out'}", done.stderr
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("error", [ValueError("a"), UserError("b"), OSError("c")])
def test_other_errors_are_not_reported_as_a_full_disk(tmp_path: Path, error: Exception) -> None:
    for writer in (atomic_path, atomic_folder):
        with pytest.raises(type(error), match=str(error)), writer(tmp_path / "x") as temporary:
            (temporary / "x" if writer is atomic_folder else temporary).write_text("x")
            raise error
    assert os.listdir(tmp_path) == []
