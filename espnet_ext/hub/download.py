"""Download models from the Hugging Face hub, and the folder of all downloads, which clones of this repository share."""

import os
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from espnet_ext.utils.errors import UserError

# Settings that can cause a failed download.
NETWORK_VARIABLES = {"all_proxy", "http_proxy", "https_proxy", "no_proxy", "hf_endpoint"}


def default_cache() -> Path:
    """Folder of downloads: `$ESPNET_EXT_CACHE` (`--cache_dir`), `$XDG_CACHE_HOME/espnet_ext` or `~/.cache/espnet_ext`.

    Raises:
        UserError: the user has no home folder, or no permission to write.
    """
    if chosen := os.environ.get("ESPNET_EXT_CACHE"):
        return Path(chosen).absolute()
    base = os.environ.get("XDG_CACHE_HOME", "")
    # The XDG specification requires that a relative value is ignored.
    if not os.path.isabs(base):
        base = os.path.expanduser("~/.cache")
    # `~` is not expanded if HOME is unset and the user is not in the password database.
    if base.startswith("~"):
        raise UserError("no home folder for downloads: name a folder with --cache_dir or ESPNET_EXT_CACHE")
    cache = Path(base) / "espnet_ext"
    existing = next(folder for folder in (cache, *cache.parents) if folder.exists())
    if existing != cache and not os.access(existing, os.W_OK):
        raise UserError(
            f"{existing}: no permission to write downloads; name a folder with --cache_dir or ESPNET_EXT_CACHE"
        )
    return cache


def check_network() -> str:
    """Advice after a failed download: "check the network", and the proxy variables that are set."""
    chosen = [name for name, value in sorted(os.environ.items()) if value and name.lower() in NETWORK_VARIABLES]
    return " and ".join(["check the network", *chosen])


def download_snapshot(
    model: str,
    patterns: Collection[str],
    label: str,
    advice: str = "",
    revision: str | None = None,
    cache: Path | None = None,
) -> Path:
    """Download a model from the hub, or return the copy in the cache when the hub cannot be reached.

    Args:
        model: hub id.
        patterns: name patterns of the files to download.
        label: first words of the error.
        advice: last words of the error.
        revision: branch, tag or commit.
        cache: folder of the hub's models; None = the hub's own default.

    Raises:
        UserError: the hub has no such model or cannot be reached, and the model is not in the cache.
    """
    # Imported late: it takes a second, and models on disk do not need it.
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError

    # Without a home folder, the hub's client would create a folder named `~`.
    if cache is None and os.path.expanduser("~") == "~" and not {"HF_HUB_CACHE", "HF_HOME"} & os.environ.keys():
        cache = default_cache() / "hub"
    options = {"revision": revision, "cache_dir": cache, "allow_patterns": list(patterns)}
    name = f"{model} (revision {revision})" if revision else model
    with hub_errors(f"{label} the hub cannot deliver {name}", advice):
        try:
            return Path(snapshot_download(model, **options))
        except (HfHubHTTPError, HFValidationError):
            raise
        except Exception:  # of the transport or, for the address of a proxy, of Python
            with suppress(Exception):
                return Path(snapshot_download(model, **options, local_files_only=True))
            raise


@contextmanager
def hub_errors(problem: str, advice: str = "") -> Iterator[None]:
    """Raise every error of the hub's client as one line: `problem`, the reason, and what to check."""
    try:
        yield
    except Exception as error:  # the hub's own, its transport's and Python's
        raise UserError(f"{problem} ({_reason(error)}); {check_network()}{advice}") from error


def _reason(error: Exception) -> str:
    """The first cause of an error, in one line."""
    while isinstance(error.__cause__, Exception):
        error = error.__cause__
    return " ".join(f"{type(error).__name__}: {error}".split())[:200]
