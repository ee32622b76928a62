"""Manifests: written, read, and compared with the files of an archive."""

import hashlib
import subprocess
from pathlib import Path

from packages.manifest import format_manifest, manifest_sha256, read_manifest, select_files, short_hash

CONTENTS = {"usr/es/digits/1.gsm": b"one", "usr/es/a.gsm": b"a", "usr/es/copy of a.gsm": b"a"}
MANIFEST = {path: short_hash(content) for path, content in CONTENTS.items()}


def test_a_manifest_is_read_as_it_was_written(tmp_path: Path) -> None:
    text = format_manifest(CONTENTS)
    assert text.splitlines()[:2] == ["usr/es/", f"{hashlib.sha256(b'a').hexdigest()[:10]} a.gsm"]
    (tmp_path / "manifest").write_text(text)
    assert read_manifest(tmp_path / "manifest") == MANIFEST


def test_the_sha256_of_a_manifest_is_that_of_the_sha256sum_output(tmp_path: Path) -> None:
    for path, content in CONTENTS.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_bytes(content)
    listing = subprocess.run(["sha256sum", *sorted(CONTENTS)], cwd=tmp_path, capture_output=True, check=True).stdout
    assert manifest_sha256(CONTENTS) == hashlib.sha256(listing).hexdigest()


def test_moved_files_are_found_and_other_files_are_not_used() -> None:
    moved = {path.replace("es/", "es_CO/"): content for path, content in CONTENTS.items()}
    used = select_files([*moved.items(), ("usr/es_CO/new.gsm", b"new")], MANIFEST)
    assert (used.contents, used.differing) == (CONTENTS, {})


def test_changed_and_missing_files_are_distinguished() -> None:
    used = select_files([("usr/es/a.gsm", b"another"), ("usr/es/copy of a.gsm", b"others")], MANIFEST)
    assert used.contents == {}
    assert used.differing == {
        "usr/es/a.gsm": "changed",
        "usr/es/copy of a.gsm": "changed",
        "usr/es/digits/1.gsm": "missing",
    }
