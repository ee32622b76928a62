"""apt-get and apt-cache, replaced by scripts: requested packages and reported failures."""

import stat
from pathlib import Path

import pytest

from espnet_ext.utils.errors import UserError
from packages.apt import download_with_apt

# Offers the words in the file `offered`, each in a version of Ubuntu; in private lists, those in `offered_after_update`
# once `update` was called.
APT_CACHE = """
case "$*" in *Dir::State::Lists*) file=private;; *) file=offered;; esac
for name in $(cat "{folder}/$file" 2>/dev/null); do
    case " $* " in *" $name "*) printf 'Package: %s\\nVersion: 2\\nFilename: pool/%s.deb\\n\\n' $name $name;; esac
done
"""
APT_GET = """
case "$*" in
    *update) cp "{folder}/offered_after_update" "{folder}/private";;
    *download*) for name in ${{*##*download }}; do echo x > "${{name}}_2%3a1-4ubuntu1_all.deb"; done;;
esac
"""


class Apt:
    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def write(self, name: str, body: str) -> None:
        script = self.folder / name
        script.write_text(f'#!/bin/bash\necho "$(basename "$0") $*" >> "{self.folder}/calls"\n{body}\n')
        script.chmod(script.stat().st_mode | stat.S_IXUSR)

    def offer(self, names: str, after_update: str) -> None:
        (self.folder / "offered").write_text(names)
        (self.folder / "offered_after_update").write_text(after_update)

    def calls(self, word: str) -> list[str]:
        return [line for line in (self.folder / "calls").read_text().splitlines() if f" {word}" in line]


@pytest.fixture
def apt(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Apt:
    apt = Apt(tmp_path / "bin")
    apt.folder.mkdir()
    monkeypatch.setenv("PATH", f"{apt.folder}:/usr/bin:/bin")
    apt.write("apt-cache", APT_CACHE.format(folder=apt.folder))
    apt.write("apt-get", APT_GET.format(folder=apt.folder))
    return apt


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "a download").mkdir()
    return tmp_path / "a download"


def test_any_version_is_fetched_in_one_call(apt: Apt, folder: Path, tmp_path: Path) -> None:
    apt.offer("voices my-noises", "")
    files, reasons = download_with_apt(["voices", "my-noises"], folder, tmp_path / "apt")
    assert {name: path.name for name, path in files.items()} == {
        "voices": "voices_2%3a1-4ubuntu1_all.deb",
        "my-noises": "my-noises_2%3a1-4ubuntu1_all.deb",
    }
    assert reasons == {} and all(path.is_file() for path in files.values())
    (call,) = apt.calls("download")
    assert call.endswith("download voices my-noises") and "Dir::State" not in call


def test_private_lists_are_made_for_missing_packages(apt: Apt, folder: Path, tmp_path: Path) -> None:
    apt.offer("voices", "voices my-noises")
    files, reasons = download_with_apt(["voices", "my-noises", "gone"], folder, tmp_path / "apt")
    assert sorted(files) == ["my-noises", "voices"]
    assert reasons == {"gone": "not in the package lists of this machine's apt sources"}
    first, second = apt.calls("download")
    assert first.endswith("download voices")
    assert second.endswith("download my-noises") and f"Dir::State::Lists={tmp_path}/apt/lists" in second
    assert len(apt.calls("update")) == 1


def test_the_last_error_of_apt_is_reported_as_the_reason(apt: Apt, folder: Path, tmp_path: Path) -> None:
    apt.offer("voices", "voices")
    apt.write("apt-get", 'echo "E: cannot resolve" >&2; echo "W: a warning" >&2; exit 100')
    files, reasons = download_with_apt(["voices"], folder, tmp_path / "apt")
    assert (files, reasons) == ({}, {"voices": "E: cannot resolve"})


def test_an_installed_package_without_a_list_is_not_offered(apt: Apt, folder: Path, tmp_path: Path) -> None:
    apt.write("apt-cache", "printf 'Package: voices\\nStatus: install ok installed\\n\\n'")
    (apt.folder / "offered_after_update").touch()
    files, reasons = download_with_apt(["voices"], folder, tmp_path / "apt")
    assert files == {} and "not in the package lists" in reasons["voices"]


def test_the_error_without_apt_names_apt_get(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UserError, match="apt-get is missing"):
        download_with_apt(["voices"], folder, tmp_path / "apt")
