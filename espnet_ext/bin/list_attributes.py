"""Check the configuration of a recipe, and print the attributes that its systems need.

A line has an attribute's name, what it learns from (text, speech or labels) and the files of a data directory that it
needs, joined by commas.
"""

import argparse
import hashlib
import io
import json
from collections.abc import Mapping
from contextlib import redirect_stderr
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

from espnet_ext import __version__
from espnet_ext.bin.entry import run_main
from espnet_ext.utils.atomic import write_text_atomic
from espnet_ext.utils.errors import UserError

if TYPE_CHECKING:
    from espnet_ext.config.attributes import AttributeConfig


def parse_args() -> argparse.Namespace:
    """Options of this command."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("attributes", type=Path, help="the attributes file")
    parser.add_argument("systems", nargs="+", help="attributes joined by +, e.g. sem+spk")
    parser.add_argument("--configs", type=Path, nargs="+", default=[], help="training configs to check")
    parser.add_argument("--train_args", default="", help="further options of training; write --train_args=...")
    parser.add_argument("--add_to", type=Path, help="folder of a trained model that --added is added to")
    parser.add_argument("--added", help="the attribute that is trained on the model of --add_to")
    parser.add_argument("--checked", type=Path, help="file that notes which training configs were found legal")
    return parser.parse_args()


def split_systems(systems: list[str], declared: "Mapping[str, AttributeConfig]", where: Path) -> list[list[str]]:
    """Names of the attributes of every system; UserError for one that is not declared, or comes twice."""
    if twice := [system for index, system in enumerate(systems) if system in systems[:index]]:
        raise UserError(f"--systems: {twice[0]} comes twice; remove one")
    names_of = [system.split("+") for system in systems]
    for system, names in zip(systems, names_of, strict=True):
        for index, name in enumerate(names):
            if name not in declared:
                raise UserError(f"--systems: {where} declares no attribute {name!r}; declared: {', '.join(declared)}")
            if name in names[:index]:
                raise UserError(f"--systems: {system} has the attribute {name} twice; remove one")
    return names_of


def check_trainings(
    args: argparse.Namespace, declared: "Mapping[str, AttributeConfig]", systems: list[list[str]]
) -> None:
    """Check the training configs, unless `--checked` has the same ones: torch takes seconds to load."""
    files = [args.attributes, *args.configs]
    words = args.train_args.split()
    if args.add_to is not None:
        files.append(args.add_to / "model.json")
        words += ["--add_to", str(args.add_to)]
        systems = [[args.added]]
    else:
        words += ["--encoder", "chosen later"]
    digests = [hashlib.sha256(path.read_bytes()).hexdigest() for path in files]
    packages = [__version__, version("espnet"), version("torch")]
    facts = json.dumps([*map(str, files), *digests, *packages, words, systems])
    if args.checked is not None and args.checked.exists() and args.checked.read_text(encoding="utf-8") == facts:
        return
    # Imported late: see the package's docstring. ESPnet reports packages that it can do without.
    with redirect_stderr(io.StringIO()):
        from espnet_ext.tasks.check import check_recipe

    check_recipe(declared, args.attributes, systems, args.configs, words)
    if args.checked is not None:
        write_text_atomic(args.checked, facts)


def needed_files(attribute: "AttributeConfig") -> list[str]:
    """Files of a data directory that an attribute's targets are made from, besides the audio."""
    if attribute.target.labels:
        return [attribute.target.labels]
    averaged = ["utt2sent", "utt2lang"] if attribute.target.average_translations else []
    return [*(["text"] if attribute.target.source == "text" else []), *averaged]


def main() -> None:
    """Check everything, then print every declared attribute that a system names, in the order of the file."""
    args = parse_args()
    # Imported late: see the package's docstring.
    from espnet_ext.config.attributes import load_attributes

    declared = load_attributes(args.attributes)
    systems = split_systems(args.systems, declared, args.attributes)
    needed = {name: attribute for name, attribute in declared.items() if any(name in names for names in systems)}
    # Imported late: no system is checked if a name is wrong.
    from espnet_ext.teachers import check_target

    for name, attribute in needed.items():
        check_target(attribute.target, f"{args.attributes}: {name}")
    if args.configs:
        check_trainings(args, declared, systems)
    for name, attribute in needed.items():
        print(name, attribute.target.source, ",".join(needed_files(attribute)))


if __name__ == "__main__":
    run_main(main)
