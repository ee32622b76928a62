"""Download Debian packages with Python only: from a Debian mirror, or from a folder of .deb files.

The .deb files are checked against the sha256 of the mirror's Packages list, and the list against the mirror's Release
file. The Release file's signature is not checked: audio is checked against this repository's manifests.
"""

import gzip
import hashlib
import http.client
import lzma
import shutil
import urllib.request
from collections.abc import Collection, Iterator
from email import message_from_string
from email.message import Message
from pathlib import Path
from urllib.error import HTTPError, URLError
from urllib.parse import quote

from espnet_ext.hub.download import check_network
from espnet_ext.utils.errors import UserError

DEFAULT_SUITE = "stable"
# universe: most packages of Ubuntu.
COMPONENTS, ARCHITECTURES = ("main", "universe"), ("amd64", "all")
TIMEOUT_S = 60


def download_from_mirror(names: Collection[str], mirror: str, folder: Path) -> tuple[dict[str, Path], dict[str, str]]:
    """Copy packages into `folder`.

    Args:
        mirror: http, https or file address, or path, of a Debian mirror (the suite is `stable`; an address that ends
            in `dists/SUITE` names another one) or of a folder of .deb files.

    Returns:
        Name -> file, and name -> reason for each package that is not there.

    Raises:
        UserError: the mirror cannot be reached, is not a mirror, or serves a file with a wrong sha256.
    """
    local = _local_folder(mirror)
    if local is not None and not (local / "Release").is_file() and not (local / "dists").is_dir():
        files = {name: Path(shutil.copy(path, folder)) for name, path in find_archives(local, names).items()}
    else:
        base, _, suite = (mirror if local is None else local.as_uri()).rstrip("/").partition("/dists/")
        stanzas = _find_stanzas(base, suite or DEFAULT_SUITE, names)
        files = {name: _download_package(base, stanza, folder) for name, stanza in stanzas.items()}
    return files, {name: "not in the mirror" for name in names if name not in files}


def find_archives(folder: Path, names: Collection[str]) -> dict[str, Path]:
    """Name -> .deb file in a folder; the last by name if there are several versions."""
    return {name: files[-1] for name in names if (files := sorted(folder.glob(f"{name}_*.deb")))}


def _local_folder(mirror: str) -> Path | None:
    if mirror.startswith(("http://", "https://")):
        return None
    is_address = mirror.startswith("file://")
    path = Path(urllib.request.url2pathname(mirror.removeprefix("file://")) if is_address else mirror)
    if not path.is_dir():
        raise UserError(f"--debian_mirror {mirror}: neither a folder nor an http, https or file address of one")
    return path.absolute()


def _find_stanzas(base: str, suite: str, names: Collection[str]) -> dict[str, Message]:
    """Name -> entry of the first Packages list that contains the package."""
    stanzas: dict[str, Message] = {}
    for text in _package_lists(base, suite):
        for stanza in text.split("\n\n"):
            name = stanza.lstrip("\n").partition("\n")[0].removeprefix("Package: ")
            if name in names:
                stanzas.setdefault(name, message_from_string(stanza.lstrip("\n")))
        if len(stanzas) == len(names):
            break
    return stanzas


def _package_lists(base: str, suite: str) -> Iterator[str]:
    url = f"{base}/dists/{suite}"
    try:
        release = message_from_string(_fetch(f"{url}/Release").decode(errors="replace"))
    except FileNotFoundError as error:
        raise UserError(f"{base}: not a Debian mirror: it has no dists/{suite}/Release; check the address") from error
    fields = (release["SHA256"] or "").split()
    sha256 = dict(zip(fields[2::3], fields[::3], strict=False))
    lists = [f"{component}/binary-{name}/Packages" for component in COMPONENTS for name in ARCHITECTURES]
    available = [name + suffix for name in lists for suffix in (".xz", ".gz") if name + suffix in sha256]
    if not available:
        raise UserError(f"{url}/Release: not a Debian mirror: no Packages list of main; check the address")
    for name in available:
        content = _fetch_checked(f"{url}/{name}", sha256[name])
        yield (lzma if name.endswith(".xz") else gzip).decompress(content).decode()


def _download_package(base: str, stanza: Message, folder: Path) -> Path:
    # The name in the list is not used: it could be the path of another folder.
    path = folder / f"{stanza['Package']}_{quote(stanza['Version'], safe='+~')}.deb"
    path.write_bytes(_fetch_checked(f"{base}/{quote(stanza['Filename'])}", stanza["SHA256"]))
    return path


def _fetch_checked(url: str, sha256: str) -> bytes:
    try:
        content = _fetch(url)
    except FileNotFoundError as error:
        raise UserError(f"{url}: the mirror lists this file but does not have it; run again, or use another") from error
    found = hashlib.sha256(content).hexdigest()
    if found != sha256:
        raise UserError(f"{url}: sha256 is {found} instead of {sha256}: truncated, or the mirror changes; run again")
    return content


def _fetch(url: str) -> bytes:
    """Read a file of a mirror; FileNotFoundError if the mirror does not have it, UserError if it cannot be reached."""
    try:
        with urllib.request.urlopen(url, timeout=TIMEOUT_S) as response:
            return response.read()
    except (OSError, http.client.HTTPException, ValueError) as error:
        reason = error.reason if isinstance(error, URLError) else error
        if isinstance(reason, FileNotFoundError) or (isinstance(error, HTTPError) and error.code == 404):
            raise FileNotFoundError(url) from error
        raise UserError(f"{url}: cannot be downloaded ({reason}); {check_network()} and --debian_mirror") from error
