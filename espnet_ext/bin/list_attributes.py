"""Print the attributes that some systems need, one a line, after checking the attributes file."""

import argparse
from pathlib import Path

from espnet_ext.bin.entry import run_main
from espnet_ext.config.attributes import LABELS, TARGET_SOURCES, load_attributes
from espnet_ext.errors import UserError


def main() -> None:
    """Every declared attribute that one of the systems names, in the order of the file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("attributes", type=Path, help="the attributes file")
    parser.add_argument("systems", nargs="+", help="attributes joined by +, e.g. sem+spk")
    parser.add_argument("--source", choices=[*TARGET_SOURCES, LABELS], help="only those that learn from this")
    args = parser.parse_args()
    declared = load_attributes(args.attributes)
    wanted = {name for system in args.systems for name in system.split("+")}
    if unknown := sorted(wanted - set(declared)):
        raise UserError(
            f"--systems: {args.attributes} declares no attribute {unknown[0]!r}; declared: {', '.join(declared)}"
        )
    for name, attribute in declared.items():
        if name in wanted and args.source in (None, attribute.target.source):
            print(name)


if __name__ == "__main__":
    run_main(main)
