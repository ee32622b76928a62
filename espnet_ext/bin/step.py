"""Run one step of a stage unless its outputs are those of the same inputs: `python -m espnet_ext.bin.step --help`.

The fingerprint of a step is its command, the content of its input files, the listing of its input folders and the
versions of the packages that compute. It is written when the step starts (so that a killed step goes on with its
own leftovers, and never with another's) and completed when it ends.
"""

import argparse
import hashlib
import json
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from espnet_ext import __version__
from espnet_ext.bin.entry import run_main
from espnet_ext.data.atomic import write_json_atomic
from espnet_ext.data.lock import exclusive_lock
from espnet_ext.data.origin import listing_of, sha256_of
from espnet_ext.errors import UserError

PACKAGES = ("espnet", "torch", "transformers", "numpy")
LOG_TAIL_LINES = 15


def parse_args() -> argparse.Namespace:
    """Options, then `--` and the command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--label", required=True, help="what the step does, for people")
    parser.add_argument("--state", type=Path, required=True, help="file that keeps the fingerprint")
    parser.add_argument("--inputs", nargs="*", default=[], type=Path, help="files whose content the outputs depend on")
    parser.add_argument("--folders", nargs="*", default=[], type=Path, help="input folders, known by what they list")
    parser.add_argument("--outputs", nargs="*", default=[], type=Path, help="removed if stale, made again if missing")
    parser.add_argument("--log", type=Path, help="where the command's stderr goes; the terminal if not given")
    parser.add_argument(
        "--ignore",
        nargs="*",
        default=[],
        help="options of the command, without --, whose value does not change its outputs",
    )
    parser.add_argument("command", nargs="+", help="after `--`")
    return parser.parse_args()


def fingerprint(command: Sequence[str], inputs: Sequence[Path], folders: Sequence[Path]) -> str:
    """Hash of a command, its inputs' names and content, its folders' listings and the computing packages' versions.

    Raises:
        UserError: an input is missing.
    """
    for path in inputs:
        if not path.is_file():
            raise UserError(f"{path}: no such file, and the step needs it; run the earlier stages first")
    content = [(path.name, sha256_of(path)) for path in inputs]
    parts = [__version__, *map(_version, PACKAGES), *command, *content, *map(listing_of, folders)]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def without_options(command: Sequence[str], names: Sequence[str]) -> list[str]:
    """The command without `--name value` of every name."""
    ignored = {f"--{name}" for name in names}
    before = ["", *command]
    return [word for word, previous in zip(command, before, strict=False) if not {word, previous} & ignored]


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "absent"


def run_step(args: argparse.Namespace) -> None:
    """Skip, continue or start the step; UserError when its command fails.

    Two recipes that need the same step at once: the second waits, and finds it done.
    """
    with exclusive_lock(args.state.with_suffix(".lock")):
        _run_locked(args)


def _run_locked(args: argparse.Namespace) -> None:
    current = fingerprint(without_options(args.command, args.ignore), args.inputs, args.folders)
    state = json.loads(args.state.read_text(encoding="utf-8")) if args.state.exists() else {}
    if state.get("fingerprint") == current and state["done"] and all(path.exists() for path in args.outputs):
        print(f"  {args.label}: up to date", flush=True)
        return
    if state.get("fingerprint") != current:
        for path in args.outputs:
            shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
    write_json_atomic(args.state, {"fingerprint": current, "done": False})
    print(f"  {args.label}", flush=True)
    started = time.monotonic()
    _run_command(args.command, args.log, args.label)
    write_json_atomic(args.state, {"fingerprint": current, "done": True})
    print(f"  {args.label}: done in {time.monotonic() - started:.0f} s", flush=True)


def _run_command(command: Sequence[str], log: Path | None, label: str) -> None:
    start = log.stat().st_size if log is not None and log.exists() else 0
    if log is None:
        status = subprocess.run(command).returncode
    else:
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("a") as stream:
            status = subprocess.run(command, stderr=stream).returncode
    if status == 0:
        return
    if log is None and status == 1:
        # One of our commands, which has said what is wrong: one `error:` line is enough.
        print(f"  {label}: failed", file=sys.stderr)
        sys.exit(1)
    where = f"; the whole log is {log}" if log else ""
    if log is not None:
        # Earlier runs' errors stand in the log before `start`.
        lines = log.read_bytes()[start:].decode(errors="replace").splitlines()[-LOG_TAIL_LINES:]
        if faults := [line.removeprefix("error: ") for line in lines if line.startswith("error: ")]:
            raise UserError(f"{faults[-1]}{where}")
        print("\n".join(lines), file=sys.stderr)
    raise UserError(f"{label}: failed with status {status}{where}")


if __name__ == "__main__":
    run_main(lambda: run_step(parse_args()))
