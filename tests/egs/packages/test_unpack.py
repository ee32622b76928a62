"""Wheels are unpacked completely, and none of their members is written outside the folder."""

import os
import zipfile
from pathlib import Path

import pytest

from espnet_ext.utils.errors import UserError
from packages.wheels import unpack_wheel


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


def test_all_files_of_a_wheel_are_unpacked(tmp_path: Path, folder: Path) -> None:
    unpack_wheel(make_wheel(tmp_path / "x.whl", {"part/data": b"\0" * 1000}), folder)
    assert (folder / "part/data").read_bytes() == b"\0" * 1000


@pytest.mark.parametrize("name", ["../outside", "a/../../outside", "/tmp/outside", "..\\outside"])
def test_a_wheel_member_cannot_leave_the_folder(tmp_path: Path, folder: Path, name: str) -> None:
    with pytest.raises(UserError, match="leaves the folder"):
        unpack_wheel(make_wheel(tmp_path / "x.whl", {"good": b"x", name: b"x"}), folder)
    assert os.listdir(folder) == [] and not list(tmp_path.rglob("outside"))


@pytest.mark.parametrize("keep", [0, 30, -4])
def test_the_error_names_a_truncated_wheel(tmp_path: Path, folder: Path, keep: int) -> None:
    wheel = make_wheel(tmp_path / "x.whl", {"data": os.urandom(5000)})
    wheel.write_bytes(wheel.read_bytes()[:keep])
    with pytest.raises(UserError, match="x.whl: not unpacked: .+; remove the file and run again"):
        unpack_wheel(wheel, folder)


def test_a_damaged_wheel_member_is_detected(tmp_path: Path, folder: Path) -> None:
    wheel = make_wheel(tmp_path / "x.whl", {"data": os.urandom(5000)})
    content = bytearray(wheel.read_bytes())
    content[2000] ^= 255
    wheel.write_bytes(content)
    with pytest.raises(UserError, match="x.whl: not unpacked"):
        unpack_wheel(wheel, folder)
