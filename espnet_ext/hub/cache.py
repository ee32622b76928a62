"""The folder of downloads, shared by all clones of this repository."""

import os
from pathlib import Path

from espnet_ext.errors import UserError


def default_cache() -> Path:
    """`$ESPNET_EXT_CACHE` (the recipes' `--cache_dir`), `$XDG_CACHE_HOME/espnet_ext`, or `~/.cache/espnet_ext`.

    Raises:
        UserError: none of them, because the user has no home folder, or none that can be written to.
    """
    if chosen := os.environ.get("ESPNET_EXT_CACHE"):
        return Path(chosen).absolute()
    base = os.environ.get("XDG_CACHE_HOME", "")
    # A relative value is invalid by the XDG specification and to be ignored.
    if not os.path.isabs(base):
        base = os.path.expanduser("~/.cache")
    # `~` stays where HOME is unset and the user is not in the password database.
    if base.startswith("~"):
        raise UserError("no home folder for downloads: name a folder by --cache_dir or ESPNET_EXT_CACHE")
    cache = Path(base) / "espnet_ext"
    existing = next(folder for folder in (cache, *cache.parents) if folder.exists())
    if existing != cache and not os.access(existing, os.W_OK):
        raise UserError(
            f"{existing}: no permission to write downloads; name a folder by --cache_dir or ESPNET_EXT_CACHE"
        )
    return cache
