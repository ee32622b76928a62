"""Command of stage 1, for `local/prepare.py` of a recipe: arguments from the declared options, then the sets."""

import argparse
import shlex
from pathlib import Path
from typing import Any

from espnet_ext.bin.argument_types import count, flag, positive, words
from espnet_ext.corpora.corpus import Option
from espnet_ext.corpora.recipe import Recipe, prepare


def prepare_data(recipe: Recipe) -> None:
    """Parse the command line and make the sets of a recipe.

    `--list_options` prints the options as lines `name=default  # help` for a stage script.
    """
    parser = argparse.ArgumentParser(
        description=recipe.description, formatter_class=argparse.ArgumentDefaultsHelpFormatter
    )
    parser.add_argument("--data", type=Path, default=Path("data"), help="folder of the sets")
    parser.add_argument("--nj", type=positive, default=2, help="number of processes")
    parser.add_argument("--list_options", action="store_true", help="print the other options and exit")
    for option in recipe.declared_options():
        parser.add_argument(f"--{option.name}", help=option.help, **_argparse_settings(option))
    given = vars(parser.parse_args())
    data = given.pop("data")
    if given.pop("list_options"):
        print("# Corpora")
        for option in recipe.declared_options():
            print(f"{option.name}={shlex.quote(_shell_value(option.default))}  # {option.help}")
        return
    for line in prepare(recipe, recipe.make_options(**given), data):
        print(line, flush=True)


def _argparse_settings(option: Option) -> dict[str, Any]:
    default = None if option.default is None else _shell_value(option.default)
    if option.choices:
        return {"default": default, "choices": option.choices}
    if isinstance(option.default, bool):
        return {"default": default, "type": flag, "metavar": "true|false"}
    types = {tuple: words, int: positive if option.minimum else count, str: str, type(None): Path}
    return {"default": default, "type": types[type(option.default)]}


def _shell_value(default: Any) -> str:
    if isinstance(default, bool):
        return str(default).lower()
    return " ".join(default) if isinstance(default, tuple) else str("" if default is None else default)
