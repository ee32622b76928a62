"""Debian packages are read with Python only, and none of their paths leaves the folder."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from espnet_ext.utils.errors import UserError
from helpers.debian_packages import write_debian
from packages.debian_archive import read_files, read_version

FILES = {"usr/share/x y": b"\0\1", "usr/z": b"", "usr/large": os.urandom(300_000)}


@pytest.mark.parametrize("compression", ["xz", "gz", "zst", ""])
def test_the_version_and_files_of_a_package_are_read(tmp_path: Path, compression: str) -> None:
    members = {f"./{name}": content for name, content in FILES.items()}
    archive = write_debian(tmp_path / "a b.deb", members, "1:2.0-1ubuntu3", compression=compression)
    assert dict(read_files(archive)) == FILES
    assert read_version(archive) == "1:2.0-1ubuntu3"


@pytest.mark.skipif(shutil.which("dpkg-deb") is None, reason="dpkg-deb is missing")
@pytest.mark.parametrize("compression", ["xz", "gzip", "zstd"])
def test_packages_of_dpkg_are_read(tmp_path: Path, compression: str) -> None:
    control = tmp_path / "tree/DEBIAN/control"
    control.parent.mkdir(parents=True)
    control.write_text("Package: test\nVersion: 3-1\nArchitecture: all\nMaintainer: a <a@b.c>\nDescription: test\n")
    for name, content in FILES.items():
        (tmp_path / "tree" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "tree" / name).write_bytes(content)
    archive = tmp_path / "test.deb"
    subprocess.run(["dpkg-deb", f"-Z{compression}", "-b", tmp_path / "tree", archive], check=True, capture_output=True)
    assert dict(read_files(archive)) == FILES
    assert read_version(archive) == "3-1"


@pytest.mark.parametrize("name", ["../outside", "./a/../../outside"])
def test_a_path_that_leaves_the_folder_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(UserError, match="x.deb: not unpacked.*outside"):
        list(read_files(write_debian(tmp_path / "x.deb", {name: b"x"})))


def test_links_are_skipped(tmp_path: Path) -> None:
    links = {"./absolute": "/etc/passwd", "./relative": "../..", "./inside": "file"}
    assert dict(read_files(write_debian(tmp_path / "x.deb", {"./file": b"x"}, links=links))) == {"file": b"x"}


@pytest.mark.parametrize("compression", ["xz", "zst"])
@pytest.mark.parametrize("keep", [0, 7, 30, 200, -40])
def test_the_error_names_a_truncated_package(tmp_path: Path, keep: int, compression: str) -> None:
    package = write_debian(tmp_path / "x.deb", {"./file": os.urandom(5000)}, compression=compression)
    package.write_bytes(package.read_bytes()[:keep])
    with pytest.raises(UserError, match="x.deb: not unpacked: .+; remove the file and run again"):
        list(read_files(package))


@pytest.mark.parametrize("compression", ["xz", "zst"])
def test_damaged_data_is_detected(tmp_path: Path, compression: str) -> None:
    package = write_debian(tmp_path / "x.deb", {"./file": os.urandom(5000)}, compression=compression)
    content = bytearray(package.read_bytes())
    content[-3000] ^= 255
    package.write_bytes(content)
    with pytest.raises(UserError, match="x.deb: not unpacked"):
        list(read_files(package))
