"""Print the attributes that some systems need, each with what it learns from: text, speech or labels."""

import argparse
from pathlib import Path

from espnet_ext.bin.entry import run_main
from espnet_ext.config.attributes import load_attributes
from espnet_ext.errors import UserError


def main() -> None:
    """Every declared attribute that one of the systems names, in the order of the file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("attributes", type=Path, help="the attributes file")
    parser.add_argument("systems", nargs="+", help="attributes joined by +, e.g. sem+spk")
    args = parser.parse_args()
    declared = load_attributes(args.attributes)
    wanted = {name for system in args.systems for name in system.split("+")}
    if unknown := sorted(wanted - set(declared)):
        raise UserError(
            f"--systems: {args.attributes} declares no attribute {unknown[0]!r}; declared: {', '.join(declared)}"
        )
    for name, attribute in declared.items():
        if name in wanted:
            print(name, attribute.target.source)


if __name__ == "__main__":
    run_main(main)
