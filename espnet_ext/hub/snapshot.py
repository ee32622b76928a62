"""Download models from the Hugging Face hub."""

import os
from collections.abc import Collection
from pathlib import Path

from espnet_ext.errors import UserError
from espnet_ext.hub.cache import default_cache

# Settings that can cause a failed download.
NETWORK_VARIABLES = {"all_proxy", "http_proxy", "https_proxy", "no_proxy", "hf_endpoint"}


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
    """Download a model from the hub; a model in the cache is returned when the hub cannot be reached.

    Args:
        model: hub id.
        patterns: of the files to download.
        label: begins the error.
        advice: ends it.
        revision: branch, tag or commit.
        cache: folder of the hub's models; None = the hub's own default.

    Raises:
        UserError: the hub has no such model or cannot be reached, and the model is not in the cache.
    """
    # The hub's client takes a second to import; models from packages and from disk do without it.
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError

    # Without a home folder, the hub's client would make a folder that is called `~`.
    if cache is None and os.path.expanduser("~") == "~" and not {"HF_HUB_CACHE", "HF_HOME"} & os.environ.keys():
        cache = default_cache() / "hub"
    options = {"revision": revision, "cache_dir": cache, "allow_patterns": list(patterns)}
    try:
        return Path(snapshot_download(model, **options))
    except Exception as error:  # the hub's own, its transport's and, for a proxy's address, Python's
        if not isinstance(error, HfHubHTTPError | HFValidationError):
            try:
                return Path(snapshot_download(model, **options, local_files_only=True))
            except Exception:  # the first error has the reason
                pass
        name = f"{model} (revision {revision})" if revision else model
        raise UserError(
            f"{label} the hub cannot deliver {name} ({_reason(error)}); {check_network()}{advice}"
        ) from error


def _reason(error: Exception) -> str:
    """The error that caused an error, in one line."""
    while isinstance(error.__cause__, Exception):
        error = error.__cause__
    return " ".join(f"{type(error).__name__}: {error}".split())[:200]
