"""Small Debian packages, and a mirror of them."""

import gzip
import hashlib
import io
import lzma
import tarfile
from collections.abc import Mapping
from pathlib import Path

import zstandard

COMPRESS = {
    "xz": lzma.compress,
    "gz": gzip.compress,
    "zst": zstandard.ZstdCompressor(write_checksum=True).compress,
    "": bytes,
}


def tar(members: Mapping[str, bytes], links: Mapping[str, str] | None = None) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name, content in members.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
        for name, target in (links or {}).items():
            entry = tarfile.TarInfo(name)
            entry.type, entry.linkname = tarfile.SYMTYPE, target
            archive.addfile(entry)
    return buffer.getvalue()


def write_debian(
    path: Path,
    members: Mapping[str, bytes],
    version: str = "1.0",
    links: Mapping[str, str] | None = None,
    compression: str = "xz",
) -> Path:
    """A Debian package by its definition: an ar archive of a version and two tar files."""
    suffix = f".{compression}" if compression else ""
    control = f"Package: test\nVersion: {version}\nArchitecture: all\n".encode()
    parts = {
        "debian-binary": b"2.0\n",
        f"control.tar{suffix}": COMPRESS[compression](tar({"./control": control})),
        f"data.tar{suffix}": COMPRESS[compression](tar(members, links)),
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        file.write(b"!<arch>\n")
        for name, content in parts.items():
            file.write(f"{name:<16}{0:<12}{0:<6}{0:<6}{'100644':<8}{len(content):<10}`\n".encode())
            file.write(content + b"\n" * (len(content) % 2))
    return path


def write_mirror(root: Path, packages: Mapping[str, Path], suite: str = "stable", lists: str = "xz") -> Path:
    """A mirror with dists/SUITE/Release, one Packages list and pool/; `packages` is name -> .deb file."""
    stanzas = []
    for name, path in packages.items():
        content = path.read_bytes()
        pool = root / "pool" / path.name
        pool.parent.mkdir(parents=True, exist_ok=True)
        pool.write_bytes(content)
        digest = hashlib.sha256(content).hexdigest()
        stanzas.append(f"Package: {name}\nVersion: 1:2-3\nFilename: pool/{path.name}\nSHA256: {digest}\n")
    listing = COMPRESS[lists]("\n".join(stanzas).encode())
    name = f"main/binary-all/Packages.{lists}"
    (root / "dists" / suite / name).parent.mkdir(parents=True)
    (root / "dists" / suite / name).write_bytes(listing)
    digest = hashlib.sha256(listing).hexdigest()
    (root / "dists" / suite / "Release").write_text(f"Suite: {suite}\nSHA256:\n {digest} {len(listing)} {name}\n")
    return root
