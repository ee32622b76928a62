"""The folder of a pretrained speech encoder: on disk or from the hub."""

from pathlib import Path

from espnet_ext.hub.download import default_cache, download_snapshot
from espnet_ext.hub.pickled_weights import META, PICKLES, convert_espnet, packed_files, without_pickles
from espnet_ext.model.encoder_weights import INDEX, WEIGHTS
from espnet_ext.utils.errors import UserError

# Short name -> hub id.
ENCODERS = {"whisper-base": "openai/whisper-base"}
# Never code, and not the copies in other precisions that some models have.
CONFIGS = ["config.json", "preprocessor_config.json"]
SAFE_FILES = [WEIGHTS, INDEX, "model-*.safetensors", *CONFIGS]


def encoder_folder(name: str, cache: Path | None = None) -> Path:
    """Local folder with the encoder's config.json and safetensors, downloaded if it is not in the cache.

    Pickled weights of older models and of ESPnet models such as `espnet/xeus` are converted to safetensors; nothing but
    tensors is read from them.

    Args:
        name: a folder (for ESPnet models see `espnet_files`), a key of `ENCODERS`, or a hub id.
        cache: the cache folder, by default `default_cache()`. Hub models are kept in `<cache>/hub`, converted weights
            in `<cache>/converted`.

    Raises:
        UserError: the name is unknown, the hub cannot be reached, or the model has no weights for torch.
    """
    is_folder = (Path(name) / "config.json").is_file()
    if is_folder and (_has_safetensors(Path(name)) or not any(Path(name).glob(PICKLES))):
        return Path(name)  # needs no cache
    cache = cache or default_cache()
    if is_folder:
        return without_pickles(Path(name), cache)
    if any((Path(name) / file).is_file() for file in (META, "config.yaml")):
        return convert_espnet(Path(name), cache)
    model = ENCODERS.get(name, name)
    if model.count("/") != 1 or model.startswith((".", "/")) or Path(name).exists():
        raise UserError(
            f"encoder {name!r}: neither a folder with a config.json (or ESPnet's {META} or config.yaml) "
            f"nor a hub id (owner/model) nor one of the short names {', '.join(sorted(ENCODERS))}"
        )
    folder = _from_hub(model, cache, SAFE_FILES)
    if _has_safetensors(folder):
        return folder
    folder = _from_hub(model, cache, [PICKLES, META, *CONFIGS])
    if any(folder.glob(PICKLES)):
        return without_pickles(folder, cache)
    if (folder / META).is_file():
        return convert_espnet(_from_hub(model, cache, [META, *packed_files(folder / META)]), cache)
    raise UserError(f"encoder {model}: the hub has neither model.safetensors nor pytorch_model.bin nor meta.yaml of it")


def _has_safetensors(folder: Path) -> bool:
    return (folder / WEIGHTS).exists() or (folder / INDEX).exists()


def _from_hub(model: str, cache: Path, patterns: list[str]) -> Path:
    advice = ", or give the folder of a downloaded copy as the encoder"
    return download_snapshot(model, patterns, "encoder:", advice, cache=cache / "hub")
