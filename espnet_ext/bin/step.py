"""Run one step of a stage unless it is up to date: `python -m espnet_ext.bin.step --help`.

A step is made from the options of its command, the content of its input files and the listing of its input folders.
These are written to the state file when the step starts: a killed step resumes from its own partial outputs, and never
from outputs of other inputs. When the step ends, its files and their sizes are added.

- A written file is missing or has another size: the step runs again and reuses the other files.
- The inputs changed: the outputs are removed, and the step runs again. With --protect, it stops instead.
- Package versions changed: a warning.

A log of an earlier run is renamed (`train.log` to `train.1.log`, and so on) and never removed with the outputs.
"""

import argparse
import subprocess
import sys
import time
from collections.abc import Sequence
from logging.handlers import RotatingFileHandler
from pathlib import Path

from espnet_ext.bin.entry import run_main
from espnet_ext.utils.atomic import exclusive_lock, remove, remove_others, remove_temporary
from espnet_ext.utils.errors import UserError
from espnet_ext.utils.step_state import (
    StepState,
    hash_inputs,
    installed_versions,
    join_changes,
    options_of,
    written_files,
)

LOG_TAIL_LINES = 15
MAX_OLD_LOGS = 99


def parse_args() -> argparse.Namespace:
    """Options, then `--` and the command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--label", required=True, help="what the step does, for people")
    parser.add_argument("--state", type=Path, required=True, help="state file, see above")
    parser.add_argument("--inputs", nargs="*", default=[], type=Path, help="files whose content the outputs depend on")
    parser.add_argument(
        "--folders", nargs="*", default=[], type=Path, help="input folders; their file lists are compared"
    )
    parser.add_argument("--after", nargs="*", default=[], type=Path, help="state files of steps that it depends on")
    parser.add_argument("--settings", type=Path, help="YAML file with further options of the command")
    parser.add_argument(
        "--outputs", nargs="*", default=[], type=Path, help="removed if the inputs changed, written again if missing"
    )
    parser.add_argument(
        "--files",
        nargs="+",
        metavar=("FOLDER", "PATTERN"),
        help="files that the step writes, if these are not all files of --outputs",
    )
    parser.add_argument(
        "--protect", nargs="*", default=[], type=Path, help="while one of these files exists, no output is removed"
    )
    parser.add_argument("--extend", help="with --protect: option whose number may grow; the command then continues")
    parser.add_argument("--log", type=Path, help="file of the command's stderr; default the terminal")
    parser.add_argument(
        "--ignore",
        nargs="*",
        default=[],
        help="options of the command, without --, whose value does not change its outputs",
    )
    parser.add_argument("command", nargs="+", help="after `--`")
    return parser.parse_args()


def run_step(args: argparse.Namespace) -> None:
    """Skip, continue or start the step; UserError when its command fails.

    If two recipes need the same step at once, the second one waits and then finds the step up to date.
    """
    with exclusive_lock(args.state.with_suffix(".lock")):
        _run_locked(args)


def _run_locked(args: argparse.Namespace) -> None:
    state = StepState(
        options_of(args.command, args.settings, args.ignore),
        hash_inputs(args.inputs, args.folders, args.after),
        installed_versions(),
    )
    before = StepState.read(args.state)
    if before is not None:
        # An earlier version may have recorded options that are now ignored.
        before = before._replace(options={name: v for name, v in before.options.items() if name not in args.ignore})
    changes = _changes(state, before, args)
    if before is not None and not changes:
        if _is_up_to_date(before, args):
            return
        state = before
    elif before is not None and _is_extended(state, before, args):
        # The state of the shorter run is kept: its outputs are valid until the longer run ends.
        print(f"  {args.label}: continues, because {join_changes(changes)}", flush=True)
    else:
        _remove_outputs(changes, args)
        state.write(args.state)
    print(f"  {args.label}", flush=True)
    _remove_temporary(args)
    started = time.monotonic()
    _run_command(args.command, args.log, args.label)
    state._replace(done=True, outputs=_written(args)).write(args.state)
    print(f"  {args.label}: done in {time.monotonic() - started:.0f} s", flush=True)


def _changes(state: StepState, before: StepState | None, args: argparse.Namespace) -> list[str]:
    """Describe the differences from the run that wrote the outputs, if there are outputs."""
    if before is not None:
        return state.changes(before)
    if not any(path.exists() for path in args.outputs):
        return []
    fault = "is damaged or of another version" if args.state.exists() else "is missing"
    return [f"{args.state} {fault}, so its inputs cannot be compared"]


def _is_protected(args: argparse.Namespace) -> bool:
    return any(path.exists() for path in args.protect)


def _is_extended(state: StepState, before: StepState, args: argparse.Namespace) -> bool:
    return _is_protected(args) and args.extend is not None and state.is_longer(before, args.extend)


def _remove_outputs(changes: Sequence[str], args: argparse.Namespace) -> None:
    if changes and _is_protected(args):
        raise UserError(
            f"{args.label}: {join_changes(changes)}; to replace the old outputs give --overwrite, "
            "to keep them give --tag with a name, or change this back"
        )
    if changes:
        print(f"  {args.label}: again, because {join_changes(changes)}", flush=True)
    for path in args.outputs:
        if args.log is not None and args.log.parent == path:
            remove_others(path, keep=set(path.glob(f"{args.log.stem}*{args.log.suffix}")))
        else:
            remove(path)


def _is_up_to_date(state: StepState, args: argparse.Namespace) -> bool:
    """Check whether a step with unchanged inputs is complete; removes the files that it must write again."""
    if versions := state.other_versions():
        print(f"  {args.label}: warning, this was made with {versions}", flush=True)
    damage = state.damage()
    problems = [*damage.values(), *(f"{path} is missing" for path in args.outputs if not path.exists())]
    if state.done and not problems:
        print(f"  {args.label}: up to date", flush=True)
        return True
    if state.done:
        print(f"  {args.label}: again, because {join_changes(list(dict.fromkeys(problems)))}", flush=True)
    for path in damage:
        Path(path).unlink(missing_ok=True)
    return False


def _written(args: argparse.Namespace) -> dict[str, int]:
    """Path -> size of the files that the step has written."""
    if args.files:
        return dict(written_files(Path(args.files[0]), args.files[1:]))
    folders = [path for path in args.outputs if path.is_dir()]
    files = {str(path): path.stat().st_size for path in args.outputs if path.is_file()}
    return files | {name: size for folder in folders for name, size in written_files(folder, ["**/*"])}


def _remove_temporary(args: argparse.Namespace) -> None:
    """Remove temporary files of killed runs from the folders of this step."""
    for path in (args.state, *args.outputs):
        remove_temporary(path.parent)
    for output in args.outputs:
        for folder in output.rglob("*/") if output.is_dir() else ():
            remove_temporary(folder)


def _run_command(command: Sequence[str], log: Path | None, label: str) -> None:
    if log is None:
        status = subprocess.run(command).returncode
    else:
        _rotate(log)
        with log.open("w") as stream:
            status = subprocess.run(command, stderr=stream).returncode
    if status == 0:
        return
    if log is None and status == 1:
        # One of our commands, which has printed an `error:` line.
        print(f"  {label}: failed", file=sys.stderr)
        sys.exit(1)
    where = f"; the full log is {log}" if log else ""
    if log is not None:
        lines = log.read_text(errors="replace").splitlines()[-LOG_TAIL_LINES:]
        if reasons := [line.removeprefix("error: ") for line in lines if line.startswith("error: ")]:
            raise UserError(f"{reasons[-1]}{where}")
        print("\n".join(lines), file=sys.stderr)
    raise UserError(f"{label}: failed with status {status}{where}")


def _rotate(log: Path) -> None:
    """Rename the logs of earlier runs as ESPnet does: `train.log` to `train.1.log`, and so on."""
    log.parent.mkdir(parents=True, exist_ok=True)
    handler = RotatingFileHandler(log, backupCount=MAX_OLD_LOGS, delay=True)
    handler.namer = lambda name: str(log.with_name(f"{log.stem}{Path(name).suffix}{log.suffix}"))
    handler.doRollover()


if __name__ == "__main__":
    run_main(lambda: run_step(parse_args()))
