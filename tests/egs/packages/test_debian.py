"""Debian packages in the cache: any version with the known content, optional catalogues, refused changes."""

import multiprocessing
import os
import shutil
from collections.abc import Collection
from pathlib import Path

import pytest

from espnet_ext.utils.errors import UserError
from helpers.debian_packages import write_debian
from packages import debian
from packages.debian import DebianPackages, fetch_debian
from packages.manifest import format_manifest, manifest_sha256
from packages.pinned import DebianPackage

SOUNDS = {"usr/sounds/es/hello.gsm": b"hello", "usr/sounds/es/digits/1.gsm": b"one"}
MESSAGES = {f"usr/share/locale/{code}/LC_MESSAGES/app.mo": code.encode() for code in ("es", "fr", "it", "ru")}
OTHER_FILES = {"./usr/share/doc/changelog": b"changes", "./usr/share/locale/de/LC_MESSAGES/app.mo": b"de"}
VOICES = DebianPackage("voices", manifest_sha256(SOUNDS), "MIT", "a test")
APP = DebianPackage("app", manifest_sha256(MESSAGES), "MIT", "a test", optional=True)


class Apt:
    """apt-get as a folder of .deb files; counts its calls in a file."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        self.folder = folder
        self.log = folder / "log"
        self.log.touch()

    def offer(self, name: str, files: dict[str, bytes], version: str = "1.0-1") -> Path:
        members = {f"./{path}": content for path, content in files.items()}
        return write_debian(self.folder / f"{name}_{version}_all.deb", members | OTHER_FILES, version)

    def download(self, names: Collection[str], folder: Path, state: Path) -> tuple[dict[str, Path], dict[str, str]]:
        with self.log.open("a") as log:
            log.write(" ".join(names) + "\n")
        found = {name: path for name in names for path in self.folder.glob(f"{name}_*")}
        files = {name: Path(shutil.copy(path, folder)) for name, path in found.items()}
        return files, {name: "not in the lists" for name in names if name not in files}

    @property
    def downloads(self) -> list[str]:
        return self.log.read_text().splitlines()


@pytest.fixture
def apt(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Apt:
    apt = Apt(tmp_path / "apt")
    (tmp_path / "manifests").mkdir()
    (tmp_path / "manifests/voices.txt").write_text(format_manifest(SOUNDS))
    monkeypatch.setattr(debian, "MANIFESTS", tmp_path / "manifests")
    monkeypatch.setattr(debian, "download_with_apt", apt.download)
    monkeypatch.delenv("ESPNET_EXT_DEBIAN_MIRROR", raising=False)
    return apt


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "a cache"


def contents(packages: DebianPackages, name: str) -> dict[str, bytes]:
    root = packages.unpacked[name].root
    files = {path.relative_to(root).as_posix(): path.read_bytes() for path in root.rglob("*") if path.is_file()}
    del files["package.json"]
    return files


@pytest.mark.parametrize("version", ["1.0-1", "1.0-1build2", "1:25.04.0-0ubuntu1~24.04"])
def test_any_version_with_the_known_content_is_accepted(apt: Apt, cache: Path, version: str) -> None:
    apt.offer("voices", SOUNDS | {"usr/sounds/es/new.gsm": b"new"}, version)
    apt.offer("app", MESSAGES, version)
    for _ in range(2):
        packages = fetch_debian([VOICES, APP], cache)
        assert contents(packages, "voices") == SOUNDS
        assert contents(packages, "app") == MESSAGES
        assert {(package.version, package.sha256) for package in packages.unpacked.values()} == {
            (version, VOICES.sha256),
            (version, APP.sha256),
        }
        assert packages.absent == {}
    assert apt.downloads == ["voices app"]
    assert not list(cache.rglob(".tmp-*"))


def test_a_folder_renamed_in_a_release_is_found(apt: Apt, cache: Path) -> None:
    apt.offer("voices", {path.replace("/es/", "/es_CO_f_Avatar/"): content for path, content in SOUNDS.items()})
    assert contents(fetch_debian([VOICES], cache), "voices") == SOUNDS


def test_a_changed_voice_is_refused_and_its_files_are_listed(apt: Apt, cache: Path) -> None:
    apt.offer("voices", {"usr/sounds/es/hello.gsm": b"good morning"}, "2.0-1")
    with pytest.raises(UserError) as caught:
        fetch_debian([VOICES], cache)
    table = cache / "differing/voices.tsv"
    assert f"voices 2.0-1: 2 of 2 used files differ from the manifest (listed in {table})" in str(caught.value)
    assert "--debian_mirror" in str(caught.value)
    assert table.read_text() == "missing\tusr/sounds/es/digits/1.gsm\nchanged\tusr/sounds/es/hello.gsm\n"
    assert os.listdir(cache / "archives") == [] and not (cache / "debian").exists()


def test_short_hashes_are_not_enough_to_accept_a_voice(apt: Apt, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    apt.offer("voices", SOUNDS)
    wanted = DebianPackage("voices", "0" * 64, "MIT", "a test")
    with pytest.raises(UserError, match="voices 1.0-1: .*differ from the manifest"):
        fetch_debian([wanted], cache)


def test_the_error_of_a_removed_voice_names_the_option(apt: Apt, cache: Path) -> None:
    apt.offer("app", MESSAGES)
    with pytest.raises(UserError, match="Debian's voices cannot be fetched: not in the lists;.*--debian_mirror"):
        fetch_debian([VOICES, APP], cache)


def test_a_failing_mirror_is_an_error_only_if_a_voice_is_missing(apt: Apt, cache: Path, tmp_path: Path) -> None:
    apt.offer("app", MESSAGES)
    with pytest.raises(
        UserError, match="^Debian's voices cannot be fetched: not in the mirror; check --debian_mirror$"
    ):
        fetch_debian([VOICES, APP], cache, str(apt.folder))
    with pytest.raises(UserError, match="^--debian_mirror /absent: neither a folder nor"):
        fetch_debian([VOICES, APP], cache, "/absent")
    apt.offer("voices", SOUNDS)
    fetch_debian([VOICES], cache)
    assert "neither a folder nor" in fetch_debian([VOICES, APP], cache, "/absent").absent["app"]


def test_catalogues_can_be_missing_or_changed(apt: Apt, cache: Path) -> None:
    apt.offer("voices", SOUNDS)
    packages = fetch_debian([VOICES, APP], cache)
    assert packages.absent == {"app": "not in the lists"} and sorted(packages.unpacked) == ["voices"]
    changed = MESSAGES | {"usr/share/locale/it/LC_MESSAGES/app.mo": b"changed"}
    apt.offer("app", changed, "2.0-1")
    packages = fetch_debian([VOICES, APP], cache)
    assert packages.absent == {} and contents(packages, "app") == changed
    assert packages.unpacked["app"].sha256 == manifest_sha256(changed) != APP.sha256
    assert fetch_debian([APP], cache) == DebianPackages({"app": packages.unpacked["app"]}, {})
    assert apt.downloads == ["voices app", "app"]


def test_a_package_with_catalogues_in_another_folder_counts_as_missing(apt: Apt, cache: Path) -> None:
    apt.offer("app", {}, "1.0-1ubuntu1")
    assert fetch_debian([APP], cache).absent == {"app": "version 1.0-1ubuntu1 has no catalogs"}
    assert fetch_debian([APP], cache).absent == {"app": "version 1.0-1ubuntu1 has no catalogs"}
    assert apt.downloads == ["app"]


def test_a_machine_without_apt_needs_a_mirror_unless_the_cache_has_the_voices(
    apt: Apt, cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive = apt.offer("voices", SOUNDS)
    monkeypatch.undo()
    monkeypatch.setattr(debian, "MANIFESTS", tmp_path / "manifests")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UserError, match="Debian's voices cannot be fetched: apt-get is missing; .*--debian_mirror"):
        fetch_debian([VOICES, APP], cache)
    assert contents(fetch_debian([VOICES], cache, str(archive.parent)), "voices") == SOUNDS
    assert fetch_debian([VOICES, APP], cache).absent == {"app": "apt-get is missing"}


def test_the_mirror_of_the_environment_is_used(apt: Apt, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    archive = apt.offer("voices", SOUNDS)
    monkeypatch.setenv("ESPNET_EXT_DEBIAN_MIRROR", str(archive.parent))
    assert contents(fetch_debian([VOICES], cache), "voices") == SOUNDS
    assert apt.downloads == [] and archive.is_file()


def test_archives_in_the_cache_are_used_without_a_download(apt: Apt, cache: Path) -> None:
    archive = apt.offer("voices", SOUNDS)
    (cache / "archives").mkdir(parents=True)
    shutil.move(archive, cache / "archives")
    first = fetch_debian([VOICES], cache)
    shutil.rmtree(cache / "archives")
    assert fetch_debian([VOICES], cache) == first
    assert apt.downloads == []


def test_the_error_names_a_truncated_archive_in_the_cache(apt: Apt, cache: Path) -> None:
    shutil.rmtree(fetch_debian_root(apt, cache))
    (archive,) = (cache / "archives").iterdir()
    archive.write_bytes(archive.read_bytes()[:-100])
    with pytest.raises(UserError, match=f"{archive}: not unpacked: truncated; remove the file and run again"):
        fetch_debian([VOICES], cache)
    archive.unlink()
    assert contents(fetch_debian([VOICES], cache), "voices") == SOUNDS


def fetch_debian_root(apt: Apt, cache: Path) -> Path:
    apt.offer("voices", SOUNDS)
    return fetch_debian([VOICES], cache).unpacked["voices"].root


def test_processes_that_start_together_download_once(apt: Apt, cache: Path) -> None:
    apt.offer("voices", SOUNDS)
    # fork: the children inherit the replaced apt-get of this test.
    context = multiprocessing.get_context("fork")
    workers = [context.Process(target=fetch_debian, args=([VOICES], cache)) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert [worker.exitcode for worker in workers] == [0] * 4
    assert apt.downloads == ["voices"]
