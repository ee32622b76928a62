"""State of a recipe step: its inputs, package versions and output files."""

import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from textwrap import shorten
from typing import NamedTuple, Self

from espnet_ext import __version__
from espnet_ext.utils.atomic import write_json_atomic
from espnet_ext.utils.errors import UserError
from espnet_ext.utils.provenance import listing_of, read_json, sha256_of

PACKAGES = ("espnet", "torch", "transformers", "numpy")
MAX_NAMED = 3
MAX_VALUE_LENGTH = 60


class StepState(NamedTuple):
    """One run of a step.

    Attributes:
        options: name -> value of the options of its command.
        inputs: (path, hash) of files, input folders and earlier steps. Only the name of a path counts.
        versions: package -> version.
        done: whether the step ended.
        outputs: path -> size in bytes of every file that it wrote.
    """

    options: dict[str, str]
    inputs: list[list[str]]
    versions: dict[str, str]
    done: bool = False
    outputs: dict[str, int] = {}  # noqa: RUF012 - never changed

    @classmethod
    def read(cls, path: Path) -> Self | None:
        """Read a state file; None if it is absent, broken or of another version."""
        try:
            state = cls(**read_json(path))
        except TypeError:
            return None
        mappings = (state.options, state.versions, state.outputs)
        are_pairs = isinstance(state.inputs, list) and all(isinstance(x, list) and len(x) == 2 for x in state.inputs)
        return state if are_pairs and all(isinstance(x, dict) for x in mappings) else None

    def write(self, path: Path) -> None:
        """Write the state file, whole or not at all."""
        write_json_atomic(path, self._asdict())

    def digest(self) -> str:
        """Hash of all that the outputs depend on, except package versions."""
        return hashlib.sha256(json.dumps([self.options, self._named_inputs()], sort_keys=True).encode()).hexdigest()

    def changes(self, before: Self) -> list[str]:
        """Describe what differs from an earlier run; empty if nothing does."""
        names = [name for name in self.options | before.options if self.options.get(name) != before.options.get(name)]
        described = [f"{name} is {_show(self, name)}, was {_show(before, name)}" for name in names]
        mine, others = self._named_inputs(), before._named_inputs()
        if mine == others:
            return described
        changed = [path for (path, _), named in zip(self.inputs, mine, strict=True) if named not in others]
        gone = [path for path, _ in before.inputs if Path(path).name not in {name for name, _ in mine}]
        described += [f"{path} changed" for path in changed] + [f"{path} is not an input any more" for path in gone]
        return described or ["the order of the inputs changed"]

    def is_longer(self, before: Self, option: str) -> bool:
        """Whether the only difference from an earlier run is a larger number in one option."""
        same = {option: before.options.get(option)}
        if self._named_inputs() != before._named_inputs() or self.options | same != before.options:
            return False
        values = [state.options[option] for state in (before, self)]
        return all(value.isdecimal() for value in values) and int(values[0]) < int(values[1])

    def damage(self) -> dict[str, str]:
        """Path -> fault of the files that are not as the step wrote them."""
        faults = {}
        for path, size in self.outputs.items():
            try:
                found = Path(path).stat().st_size
            except (FileNotFoundError, NotADirectoryError):
                faults[path] = f"{path} is missing"
            else:
                if found != size:
                    faults[path] = f"{path} has {found} bytes instead of {size}"
        return faults

    def other_versions(self) -> str:
        """The packages that now have another version than in this run, for a message."""
        now = installed_versions()
        return ", ".join(
            f"{name} {before}, now {now.get(name, 'absent')}"
            for name, before in self.versions.items()
            if before != now.get(name)
        )

    def _named_inputs(self) -> list[list[str]]:
        return [[Path(path).name, digest] for path, digest in self.inputs]


def _show(state: StepState, name: str) -> str:
    return shorten(state.options.get(name, "not given"), MAX_VALUE_LENGTH, placeholder=" ...")


def join_changes(changes: Sequence[str]) -> str:
    """The first changes, and how many more there are."""
    more = [f"{len(changes) - MAX_NAMED} more"] if len(changes) > MAX_NAMED else []
    return "; ".join([*changes[:MAX_NAMED], *more])


def installed_versions() -> dict[str, str]:
    """Versions of this package and of those that compute."""
    versions = {"espnet_ext": __version__}
    for name in PACKAGES:
        try:
            versions[name] = version(name)
        except PackageNotFoundError:
            versions[name] = "absent"
    return versions


def hash_inputs(files: Iterable[Path], folders: Iterable[Path], steps: Iterable[Path]) -> list[list[str]]:
    """Paths and hashes of the content of files, of the listing of folders, of what earlier steps were made from.

    Raises:
        UserError: a file or folder is missing.
    """
    hashed = []
    for path in files:
        if not path.is_file():
            raise UserError(f"{path}: no such file, and the step needs it; run the earlier stages first")
        hashed.append([str(path), sha256_of(path)])
    hashed += [[str(path), listing_of(path)] for path in folders]
    for path in steps:
        state = StepState.read(path)
        hashed.append([str(path), state.digest() if state else "unknown"])
    return hashed


def options_of(command: Sequence[str], settings: Path | None, ignored: Iterable[str]) -> dict[str, str]:
    """Name -> value of the options of a command, over those of its YAML file.

    Args:
        command: words; the program and its arguments have the name `command`.
        settings: YAML file with options of the command.
        ignored: names without `--` that are left out.
    """
    options: dict[str, list[str]] = {}
    values = options.setdefault("command", [])
    for word in command:
        if word.startswith("--"):
            name, equals, value = word.removeprefix("--").partition("=")
            values = options.setdefault(name, [])
            values += [value] if equals else []
        else:
            values.append(word)
    named = {name: " ".join(values) for name, values in options.items()}
    if settings is not None:
        # Imported late: only trainings have such a file.
        from pprint import saferepr

        from espnet_ext.utils.strict_yaml import read_yaml

        given = read_yaml(settings).items()
        named = {str(name): value if isinstance(value, str) else saferepr(value) for name, value in given} | named
    return {name: value for name, value in named.items() if name not in set(ignored)}


def written_files(folder: Path, patterns: Iterable[str]) -> Iterator[tuple[str, int]]:
    """Path and size of the files of a folder that match, without those that begin with a dot."""
    for pattern in patterns:
        for path in sorted(folder.glob(pattern)):
            if path.is_file() and not any(part.startswith(".") for part in path.relative_to(folder).parts):
                yield str(path), path.stat().st_size
