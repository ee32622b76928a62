"""The manifest of a package is written to the folder of manifests, and its sha256 printed."""

import sys
from pathlib import Path

import pytest

from espnet_ext.bin.entry import run_main
from helpers.debian_packages import write_debian
from packages import write_manifest
from packages.manifest import manifest_sha256, read_manifest, short_hash


@pytest.mark.parametrize(("pattern", "status"), [("usr/*.gsm", 0), ("usr/*.wav", 1)])
def test_used_files_are_listed(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    pattern: str,
    status: int,
) -> None:
    archive = write_debian(tmp_path / "voices_1.0_all.deb", {"./usr/es/a.gsm": b"a", "./usr/readme": b"b"})
    monkeypatch.setattr(write_manifest, "MANIFESTS", tmp_path)
    monkeypatch.setattr(sys, "argv", ["write_manifest", str(archive), pattern])
    with pytest.raises(SystemExit) as exit_:
        run_main(write_manifest.main)
    assert exit_.value.code == status
    if status:
        assert f"{archive}: no file matches usr/*.wav" in capsys.readouterr().err
    else:
        assert read_manifest(tmp_path / "voices.txt") == {"usr/es/a.gsm": short_hash(b"a")}
        assert f"1 files, sha256 {manifest_sha256({'usr/es/a.gsm': b'a'})}" in capsys.readouterr().out
