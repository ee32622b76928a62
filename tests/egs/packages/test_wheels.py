"""The cache of wheels, with archives made here and a registry that is a folder."""

import dataclasses
import hashlib
import multiprocessing
import os
import shutil
import zipfile
from collections.abc import Sequence
from pathlib import Path

import pytest

from espnet_ext.utils.errors import UserError
from espnet_ext.utils.provenance import sha256_of
from packages import wheels as wheels_module
from packages.pinned import Wheel
from packages.wheels import fetch_unpacked

ARCHIVE = "voices_1%3A1.0.whl"


class Registry:
    """Serves one wheel from a file, and keeps a list of the downloads in another."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir()
        self.wheel = folder / "voices.whl"
        self.log = folder / "log"
        self.log.touch()
        with zipfile.ZipFile(self.wheel, "w") as members:
            members.writestr("voices/hello.txt", "hello")
        digest = hashlib.sha256(self.wheel.read_bytes()).hexdigest()
        self.package = Wheel("voices", "1:1.0", digest, "MIT", "a test")

    def download(self, wheels: Sequence[Wheel], folder: Path) -> dict[str, Path]:
        with self.log.open("a") as log:
            log.write(" ".join(wheel.name for wheel in wheels) + "\n")
        return {wheel.name: Path(shutil.copy(self.wheel, folder / wheel.name)) for wheel in wheels}

    @property
    def downloads(self) -> int:
        return len(self.log.read_text().splitlines())


@pytest.fixture
def registry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Registry:
    registry = Registry(tmp_path / "registry")
    monkeypatch.setattr(wheels_module, "download_wheels", registry.download)
    return registry


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "a cache"


def fetch_one(package: Wheel, cache: Path) -> Path:
    return fetch_unpacked([package], cache)[package.name]


def leftovers(cache: Path) -> list[str]:
    return [path.name for path in cache.rglob(".tmp-*")]


def test_an_archive_is_fetched_once_and_unpacked(registry: Registry, cache: Path) -> None:
    first = fetch_one(registry.package, cache)
    again = fetch_one(registry.package, cache)
    assert first == again == cache / "unpacked" / f"voices-{registry.package.sha256[:12]}"
    assert (first / "voices/hello.txt").read_text() == "hello"
    assert registry.downloads == 1
    assert sha256_of(cache / "archives" / ARCHIVE) == registry.package.sha256
    assert leftovers(cache) == []


def test_a_wrong_download_is_refused_and_not_kept(registry: Registry, cache: Path) -> None:
    wanted = dataclasses.replace(registry.package, sha256="0" * 64)
    with pytest.raises(UserError, match=f"{registry.package.sha256} instead of {'0' * 64}"):
        fetch_one(wanted, cache)
    assert os.listdir(cache / "archives") == [] and not (cache / "unpacked").exists()


def test_the_error_of_a_truncated_archive_contains_both_hashes(registry: Registry, cache: Path) -> None:
    shutil.rmtree(fetch_one(registry.package, cache))
    archive = cache / "archives" / ARCHIVE
    archive.write_bytes(archive.read_bytes()[:40])
    with pytest.raises(UserError) as caught:
        fetch_one(registry.package, cache)
    for part in (str(archive), sha256_of(archive), registry.package.sha256, "remove it and run again"):
        assert part in str(caught.value)
    assert os.listdir(cache / "unpacked") == []
    archive.unlink()
    assert (fetch_one(registry.package, cache) / "voices/hello.txt").exists()
    assert registry.downloads == 2


def test_a_change_that_keeps_the_size_is_detected(registry: Registry, cache: Path) -> None:
    fetch_one(registry.package, cache)
    archive = cache / "archives" / ARCHIVE
    archive.write_bytes(archive.read_bytes()[::-1])
    os.utime(archive, ns=(0, 0))
    with pytest.raises(UserError, match="truncated, or another file"):
        fetch_one(registry.package, cache)


def test_an_archive_placed_by_hand_is_verified_and_used(registry: Registry, cache: Path) -> None:
    (cache / "archives").mkdir(parents=True)
    shutil.copy(registry.wheel, cache / "archives" / ARCHIVE)
    assert (fetch_one(registry.package, cache) / "voices/hello.txt").exists()
    assert registry.downloads == 0


def test_packages_are_downloaded_together(registry: Registry, cache: Path) -> None:
    other = dataclasses.replace(registry.package, name="noises")
    folders = fetch_unpacked([registry.package, other], cache)
    assert sorted(folders) == ["noises", "voices"]
    assert registry.log.read_text() == "voices noises\n"


def test_unpacked_files_are_used_without_their_archive(registry: Registry, cache: Path) -> None:
    folder = fetch_one(registry.package, cache)
    shutil.rmtree(cache / "archives")
    assert fetch_one(registry.package, cache) == folder
    assert registry.downloads == 1


def test_two_versions_of_a_package_do_not_share_a_folder(registry: Registry, cache: Path) -> None:
    old = fetch_one(registry.package, cache)
    with zipfile.ZipFile(registry.wheel, "w") as members:
        members.writestr("voices/hello.txt", "hello again")
    package = dataclasses.replace(registry.package, version="1.1", sha256=sha256_of(registry.wheel))
    new = fetch_one(package, cache)
    assert [(folder / "voices/hello.txt").read_text() for folder in (old, new)] == ["hello", "hello again"]


def test_processes_that_start_together_download_once(registry: Registry, cache: Path) -> None:
    # fork: the children inherit the registry of this test.
    context = multiprocessing.get_context("fork")
    workers = [context.Process(target=fetch_one, args=(registry.package, cache)) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert [worker.exitcode for worker in workers] == [0] * 4
    assert registry.downloads == 1
