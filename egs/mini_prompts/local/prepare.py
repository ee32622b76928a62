"""Stage 1 of egs/mini_prompts: download the packages and write data/{train,dev,test_sent,test_spk}."""

import argparse
from pathlib import Path

from espnet_ext.bin.argument_types import count, positive
from espnet_ext.bin.entry import run_main


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("data"), help="folder of the sets")
    parser.add_argument(
        "--num_synthetic_sentences",
        type=count,
        default=200,
        help="interface sentences, each in 5 languages",
    )
    parser.add_argument("--voices_per_prompt", type=count, default=1, help="synthetic voices for each training prompt")
    parser.add_argument(
        "--voices_per_sentence",
        type=count,
        default=1,
        help="synthetic voices for each interface sentence",
    )
    parser.add_argument(
        "--debian_mirror", help="address of a Debian mirror, or folder of .deb files, instead of apt-get"
    )
    parser.add_argument("--nj", type=positive, default=2, help="processes")
    args = parser.parse_args()
    # Imported late, so that --help is fast.
    from espnet_ext.hub.download import default_cache
    from mini_prompts import SyntheticOptions, prepare, required_packages
    from mini_prompts_set import describe_catalogues
    from packages.debian import fetch_debian
    from packages.pinned import DEBIAN_PACKAGES
    from synthetic import VARIANTS

    for option in ("voices_per_prompt", "voices_per_sentence"):
        if getattr(args, option) > len(VARIANTS):
            parser.error(f"--{option}: at most {len(VARIANTS)}")
    options = SyntheticOptions(args.num_synthetic_sentences, args.voices_per_prompt, args.voices_per_sentence, args.nj)
    required = [DEBIAN_PACKAGES[name] for name in required_packages(options)]
    packages = fetch_debian(required, default_cache(), args.debian_mirror)
    if line := describe_catalogues(packages):
        print(line)
    for name, line in prepare(packages, args.data.resolve(), options).items():
        print(f"{args.data / name}: {line}")


if __name__ == "__main__":
    run_main(main)
