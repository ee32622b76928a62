"""A small mirror served by http, as file:// and as a folder, and a folder of .deb files."""

import functools
import http.server
from collections.abc import Callable
from pathlib import Path

import pytest

from espnet_ext.utils.errors import UserError
from helpers.debian_packages import write_debian, write_mirror
from packages.debian_archive import read_files
from packages.debian_mirror import download_from_mirror

FILES = {"voices": {"usr/hello": b"hello"}, "my-noises": {"usr/crash": b"crash"}}


@pytest.fixture
def debs(tmp_path: Path) -> dict[str, Path]:
    folder = tmp_path / "my debs"
    compressions = zip(FILES, ("xz", "zst"), strict=True)
    return {
        name: write_debian(folder / f"{name}_1%3a1-2_all.deb", FILES[name], compression=compression)
        for name, compression in compressions
    }


@pytest.fixture
def mirror(tmp_path: Path, debs: dict[str, Path]) -> Path:
    return write_mirror(tmp_path / "my mirror", debs)


@pytest.fixture
def url(mirror: Path, serve: Callable[[Callable], str]) -> str:
    return serve(functools.partial(http.server.SimpleHTTPRequestHandler, directory=str(mirror)))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "download").mkdir()
    return tmp_path / "download"


def check(names: list[str], mirror: str, folder: Path) -> None:
    files, reasons = download_from_mirror([*names, "gone"], mirror, folder)
    assert {name: dict(read_files(path)) for name, path in files.items()} == {name: FILES[name] for name in names}
    assert {path.parent for path in files.values()} == {folder}
    assert reasons == {"gone": "not in the mirror"}


@pytest.mark.parametrize("end", ["", "/", "/dists/stable", "/dists/stable/"])
def test_packages_come_over_http(url: str, folder: Path, end: str) -> None:
    check(["voices", "my-noises"], url + end, folder)
    assert sorted(path.name for path in folder.iterdir()) == ["my-noises_1%3A2-3.deb", "voices_1%3A2-3.deb"]


def test_a_mirror_can_be_a_folder_or_a_file_address(mirror: Path, folder: Path) -> None:
    for address in (str(mirror), mirror.as_uri(), str(mirror / "dists/stable"), f"{mirror.as_uri()}/dists/stable"):
        check(["voices"], address, folder)


def test_a_folder_of_packages_is_a_mirror(debs: dict[str, Path], folder: Path) -> None:
    source = debs["voices"].parent
    for address in (str(source), source.as_uri()):
        check(["voices", "my-noises"], address, folder)
    assert all(path.is_file() for path in debs.values())


def test_another_suite_and_gzipped_lists_are_read(tmp_path: Path, debs: dict[str, Path], folder: Path) -> None:
    mirror = write_mirror(tmp_path / "other", debs, suite="noble", lists="gz")
    check(["voices"], f"{mirror.as_uri()}/dists/noble", folder)
    with pytest.raises(UserError, match="not a Debian mirror: it has no dists/stable/Release"):
        download_from_mirror(["voices"], str(mirror), folder)


def test_the_error_names_an_address_that_is_not_a_mirror(url: str, mirror: Path, folder: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=f"{url}/pool: not a Debian mirror: it has no dists/stable/Release"):
        download_from_mirror(["voices"], f"{url}/pool", folder)
    (mirror / "dists/stable/Release").write_text("<html>hello</html>")
    with pytest.raises(UserError, match="Release: not a Debian mirror: no Packages list"):
        download_from_mirror(["voices"], url, folder)
    for address in (str(tmp_path / "absent"), "file:///absent", "ftp://127.0.0.1/debian"):
        with pytest.raises(UserError, match=f"--debian_mirror {address}: neither a folder nor"):
            download_from_mirror(["voices"], address, folder)


def test_the_error_of_an_unreachable_mirror_names_the_option(url: str, folder: Path) -> None:
    with http.server.HTTPServer(("127.0.0.1", 0), http.server.SimpleHTTPRequestHandler) as closed:
        port = closed.server_port
    for address in (f"http://127.0.0.1:{port}/debian", "http://[broken"):
        with pytest.raises(UserError, match="--debian_mirror"):
            download_from_mirror(["voices"], address, folder)


@pytest.mark.parametrize("name", ["pool/voices_1%3a1-2_all.deb", "dists/stable/main/binary-all/Packages.xz"])
def test_changed_truncated_and_missing_files_are_refused(url: str, mirror: Path, folder: Path, name: str) -> None:
    path = mirror / name
    content = path.read_bytes()
    for damaged in (content[:-1], content[:-1] + b"?"):
        path.write_bytes(damaged)
        with pytest.raises(UserError, match=f"{Path(name).name[:6]}.*: sha256 is .* instead of .*run again"):
            download_from_mirror(["voices"], url, folder)
    path.unlink()
    with pytest.raises(UserError, match="the mirror lists this file but does not have it"):
        download_from_mirror(["voices"], url, folder)
    assert list(folder.iterdir()) == []
