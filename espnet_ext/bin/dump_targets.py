"""Embed one attribute's targets of a dump directory with its teacher; a killed run goes on where it was."""

import argparse
import os
from pathlib import Path

from espnet_ext.bin.entry import run_main
from espnet_ext.config.attributes import load_attributes
from espnet_ext.errors import UserError
from espnet_ext.hub.cache import default_cache


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--attributes", type=Path, required=True, help="the recipe's attributes.yaml")
    parser.add_argument("--attribute", required=True, help="which of them")
    parser.add_argument("--dump_dir", type=Path, required=True, help="dump/<set>")
    parser.add_argument("--cache_dir", type=Path, default=default_cache(), help="where a hub's teachers go")
    parser.add_argument("--nj", type=int, default=1, help="processes")
    options = parser.parse_args()
    if options.nj < 1:
        parser.error("--nj: at least 1")
    attributes = load_attributes(options.attributes)
    if options.attribute not in attributes:
        legal = ", ".join(attributes)
        raise UserError(f"{options.attributes}: no attribute {options.attribute!r}; it has: {legal}")
    # Read by huggingface_hub when it is imported, here and in the processes.
    os.environ.setdefault("HF_HUB_CACHE", str(options.cache_dir / "hub"))
    from espnet_ext.data.targets import dump_targets

    dump_targets(options.dump_dir, options.attribute, attributes[options.attribute].target, options.nj)


if __name__ == "__main__":
    run_main(main)
