"""Fetch a pretrained speech encoder and print the folder it lies in (the last line of stdout)."""

import argparse
import logging

from espnet_ext.bin.entry import run_main


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--encoder", required=True, help="whisper-base, a folder, or a hub id (owner/model)")
    options = parser.parse_args()
    # Imported late: see the package's docstring.
    from espnet_ext.hub.encoders import encoder_folder

    logging.basicConfig(level=logging.INFO, format="%(message)s")
    print(encoder_folder(options.encoder))


if __name__ == "__main__":
    run_main(main)
