"""Check the configuration of a recipe, and print the attributes of its systems.

A line contains an attribute's name, the source of its targets (text, speech or labels) and the required files of a data
directory, joined by commas.
"""

import argparse
import io
from contextlib import redirect_stderr
from pathlib import Path

from espnet_ext.bin.entry import run_main


def parse_args() -> argparse.Namespace:
    """Options of this command."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("attributes", type=Path, help="the attributes file")
    parser.add_argument("systems", nargs="+", help="attributes joined by +, e.g. sem+spk")
    parser.add_argument("--configs", type=Path, nargs="+", default=[], help="training configs to check")
    parser.add_argument("--train_args", default="", help="further options of training; write --train_args=...")
    parser.add_argument("--add_to", type=Path, help="folder of a trained model that --added is added to")
    parser.add_argument("--added", help="the attribute that is trained on the model of --add_to")
    parser.add_argument(
        "--checked", type=Path, help="file with the last valid configuration, which is not checked again"
    )
    return parser.parse_args()


def main() -> None:
    args = parse_args()
    # Imported late: see the package's docstring. torch, which takes seconds to load, only if a name or a config is new.
    from espnet_ext.config.attributes import load_attributes
    from espnet_ext.config.recipe import describe_check, required_files, split_systems
    from espnet_ext.utils.atomic import write_text_atomic

    declared = load_attributes(args.attributes)
    systems = split_systems(args.systems, declared, args.attributes)
    needed = {name: attribute for name, attribute in declared.items() if any(name in names for names in systems)}
    from espnet_ext.teachers import check_target

    for name, attribute in needed.items():
        check_target(attribute.target, f"{args.attributes}: {name}")
    files, words = [args.attributes, *args.configs], args.train_args.split()
    if args.add_to is None:
        words += ["--encoder", "chosen later"]
    else:
        files.append(args.add_to / "model.json")
        words += ["--add_to", str(args.add_to)]
        systems = [[args.added]]
    description = describe_check(files, words, systems) if args.configs else ""
    is_checked = args.checked is not None and args.checked.exists() and args.checked.read_text() == description
    if args.configs and not is_checked:
        with redirect_stderr(io.StringIO()):  # ESPnet reports optional packages that are missing
            from espnet_ext.tasks.check import check_recipe

        check_recipe(declared, args.attributes, systems, args.configs, words)
        if args.checked is not None:
            write_text_atomic(args.checked, description)
    for name, attribute in needed.items():
        print(name, attribute.target.source, ",".join(required_files(attribute)))


if __name__ == "__main__":
    run_main(main)
