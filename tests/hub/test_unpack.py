"""Archives are unpacked whole, and no member of them lands outside the folder."""

import io
import os
import shutil
import tarfile
import zipfile
from pathlib import Path

import pytest

from espnet_ext.errors import UserError
from espnet_ext.hub.unpack import unpack_debian, unpack_wheel

needs_dpkg = pytest.mark.skipif(shutil.which("dpkg-deb") is None, reason="dpkg-deb is missing")


def tar(members: dict[str, bytes], links: dict[str, str] | None = None) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:xz") as archive:
        for name, content in members.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
        for name, target in (links or {}).items():
            entry = tarfile.TarInfo(name)
            entry.type, entry.linkname = tarfile.SYMTYPE, target
            archive.addfile(entry)
    return buffer.getvalue()


def make_debian(path: Path, members: dict[str, bytes], links: dict[str, str] | None = None) -> Path:
    """A Debian package by its definition: an ar archive of a version and two tar files."""
    parts = {
        "debian-binary": b"2.0\n",
        "control.tar.xz": tar({"./control": b"Package: test\nVersion: 1\nArchitecture: all\n"}),
        "data.tar.xz": tar(members, links),
    }
    with path.open("wb") as file:
        file.write(b"!<arch>\n")
        for name, content in parts.items():
            file.write(f"{name:<16}{0:<12}{0:<6}{0:<6}{'100644':<8}{len(content):<10}`\n".encode())
            file.write(content + b"\n" * (len(content) % 2))
    return path


def make_wheel(path: Path, members: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "deep" / "folder"
    folder.mkdir(parents=True)
    return folder


@needs_dpkg
def test_a_debian_package_gives_its_files(tmp_path: Path, folder: Path) -> None:
    unpack_debian(make_debian(tmp_path / "a b.deb", {"./usr/share/x y": b"\0\1", "./usr/z": b""}), folder)
    files = {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    assert files == {"usr/share/x y": b"\0\1", "usr/z": b""}


@needs_dpkg
@pytest.mark.parametrize("name", ["../outside", "./a/../../outside"])
def test_a_debian_member_cannot_leave_the_folder(tmp_path: Path, folder: Path, name: str) -> None:
    with pytest.raises(UserError, match="not unpacked.*outside"):
        unpack_debian(make_debian(tmp_path / "x.deb", {name: b"x"}), folder)
    assert not list(tmp_path.rglob("outside"))


@needs_dpkg
def test_links_out_of_the_folder_are_left_out(tmp_path: Path, folder: Path) -> None:
    links = {"./absolute": "/etc", "./relative": "../..", "./inside": "file"}
    unpack_debian(make_debian(tmp_path / "x.deb", {"./file": b"x"}, links), folder)
    assert sorted(os.listdir(folder)) == ["file", "inside"]


@needs_dpkg
@pytest.mark.parametrize("keep", [0, 30, 200, -40])
def test_a_truncated_debian_package_is_named(tmp_path: Path, folder: Path, keep: int) -> None:
    package = make_debian(tmp_path / "x.deb", {"./file": os.urandom(5000)})
    package.write_bytes(package.read_bytes()[:keep])
    with pytest.raises(UserError, match="x.deb: not unpacked: .+; remove the file and run again"):
        unpack_debian(package, folder)


def test_a_wheel_gives_its_files(tmp_path: Path, folder: Path) -> None:
    unpack_wheel(make_wheel(tmp_path / "x.whl", {"part/data": b"\0" * 1000}), folder)
    assert (folder / "part/data").read_bytes() == b"\0" * 1000


@pytest.mark.parametrize("name", ["../outside", "a/../../outside", "/tmp/outside", "..\\outside"])
def test_a_wheel_member_cannot_leave_the_folder(tmp_path: Path, folder: Path, name: str) -> None:
    with pytest.raises(UserError, match="leaves the folder"):
        unpack_wheel(make_wheel(tmp_path / "x.whl", {"good": b"x", name: b"x"}), folder)
    assert os.listdir(folder) == [] and not list(tmp_path.rglob("outside"))


@pytest.mark.parametrize("keep", [0, 30, -4])
def test_a_truncated_wheel_is_named(tmp_path: Path, folder: Path, keep: int) -> None:
    wheel = make_wheel(tmp_path / "x.whl", {"data": os.urandom(5000)})
    wheel.write_bytes(wheel.read_bytes()[:keep])
    with pytest.raises(UserError, match="x.whl: not unpacked: .+; remove the file and run again"):
        unpack_wheel(wheel, folder)


def test_a_damaged_wheel_member_is_noticed(tmp_path: Path, folder: Path) -> None:
    wheel = make_wheel(tmp_path / "x.whl", {"data": os.urandom(5000)})
    content = bytearray(wheel.read_bytes())
    content[2000] ^= 255
    wheel.write_bytes(content)
    with pytest.raises(UserError, match="x.whl: not unpacked"):
        unpack_wheel(wheel, folder)
