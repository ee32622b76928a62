"""Location of the download cache."""

from pathlib import Path

import pytest

from espnet_ext.hub.download import default_cache
from espnet_ext.utils.errors import UserError


def test_the_cache_follows_xdg_unless_relative(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.delenv("ESPNET_EXT_CACHE", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "big disk"))
    assert default_cache() == tmp_path / "big disk/espnet_ext"
    for unset in ("", "relative"):
        monkeypatch.setenv("XDG_CACHE_HOME", unset)
        assert default_cache() == tmp_path / "home/.cache/espnet_ext"
    monkeypatch.setenv("ESPNET_EXT_CACHE", "/chosen")
    assert default_cache() == Path("/chosen")


def test_without_a_home_folder_the_error_requires_a_cache_folder(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delenv("ESPNET_EXT_CACHE", raising=False)
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setattr("os.path.expanduser", lambda path: path)
    with pytest.raises(UserError, match="no home folder for downloads: .*ESPNET_EXT_CACHE"):
        default_cache()
    monkeypatch.undo()
    monkeypatch.delenv("ESPNET_EXT_CACHE", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "none/cache"))
    monkeypatch.setattr("os.access", lambda folder, mode: folder != tmp_path)
    with pytest.raises(UserError, match=f"^{tmp_path}: no permission to write downloads; .*ESPNET_EXT_CACHE"):
        default_cache()
    (tmp_path / "none/cache/espnet_ext").mkdir(parents=True)
    assert default_cache() == tmp_path / "none/cache/espnet_ext"
