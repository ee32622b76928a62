"""The registries' clients, stood in for by scripts: what they are asked, what their failures say."""

import stat
from pathlib import Path

import pytest

from espnet_ext.errors import UserError
from espnet_ext.hub import registries
from espnet_ext.hub.registries import download_debian, download_pypi


def stand_in(folder: Path, name: str, body: str) -> Path:
    folder.mkdir(exist_ok=True)
    script = folder / name
    script.write_text(f'#!/bin/sh\necho "$@" >> "{folder}/calls"\n{body}\n')
    script.chmod(script.stat().st_mode | stat.S_IXUSR)
    return script


@pytest.fixture
def bin_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:/usr/bin:/bin")
    return tmp_path / "bin"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "a download").mkdir()
    return tmp_path / "a download"


def test_apt_is_asked_for_the_exact_version(bin_folder: Path, folder: Path) -> None:
    stand_in(bin_folder, "apt-get", "touch voices_1.0_all.deb")
    assert download_debian("voices", "1.0", folder) == folder / "voices_1.0_all.deb"
    assert (bin_folder / "calls").read_text().splitlines()[-1].endswith("download voices=1.0")


def test_old_lists_are_replaced_by_fresh_private_ones(bin_folder: Path, folder: Path) -> None:
    body = 'case "$*" in *Dir::State::Lists*download*) touch v.deb;; *update) ;; *) exit 100;; esac'
    stand_in(bin_folder, "apt-get", body)
    assert download_debian("voices", "1.0", folder) == folder / "v.deb"
    first, update, second = (bin_folder / "calls").read_text().splitlines()
    assert "Dir::State::Lists" not in first
    for call in (update, second):
        assert f"Dir::State::Lists={folder}/state/lists" in call
        assert f"Dir::Cache={folder}/state/cache" in call


def test_a_version_no_longer_served_says_so(bin_folder: Path, folder: Path) -> None:
    body = 'case "$*" in *update) ;; *) echo "E: Version not found" >&2; exit 100;; esac'
    stand_in(bin_folder, "apt-get", body)
    with pytest.raises(UserError, match=r"voices 1.0 .*\(E: Version not found\).*no longer serve"):
        download_debian("voices", "1.0", folder)


def test_a_machine_without_apt_is_told(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UserError, match="apt-get is missing.*voices 1.0"):
        download_debian("voices", "1.0", folder)


def test_pip_is_asked_for_one_wheel_without_dependencies(
    bin_folder: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    python = stand_in(bin_folder, "python", f"touch '{folder}/voices-1.0-py3-none-any.whl'")
    monkeypatch.setattr(registries.sys, "executable", str(python))
    assert download_pypi("voices", "1.0", folder).name == "voices-1.0-py3-none-any.whl"
    call = (bin_folder / "calls").read_text()
    assert call.startswith("-m pip download") and call.endswith("voices==1.0\n")
    assert "--no-deps" in call and "--only-binary=:all:" in call


def test_a_wheel_that_is_gone_says_so(
    bin_folder: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    body = "echo 'ERROR: No matching distribution' >&2; echo 'notice: new pip' >&2; exit 1"
    monkeypatch.setattr(registries.sys, "executable", str(stand_in(bin_folder, "python", body)))
    with pytest.raises(UserError, match=r"PyPI's voices 1.0 .*\(ERROR: No matching distribution\)"):
        download_pypi("voices", "1.0", folder)
