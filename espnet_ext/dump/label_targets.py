"""Labels as targets: target_<attribute>.scp with vectors of one number, the index of a class or a numeric label."""

import json
import math
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from espnet_ext.config.attributes import LABELS, LabelTarget
from espnet_ext.config.labels import LabelKind, LabelSpace
from espnet_ext.kaldi.archives import archive_of, remove_old_archives, write_ark
from espnet_ext.kaldi.data_dir import DataDir
from espnet_ext.kaldi.scp import iter_scp, write_scp
from espnet_ext.utils.atomic import write_json_atomic
from espnet_ext.utils.errors import UserError

# ISO 639-3 for "undetermined": no label, in a file that must list every utterance.
UNDETERMINED = "und"
UNKNOWN_CLASS = -1


def class_file(dump_dir: Path, attribute: str) -> Path:
    """File with a training set's classes (or the scale of its numbers), which the targets of other sets need."""
    return dump_dir / f"classes_{attribute}.json"


def dump_labels(dump_dir: Path, attribute: str, target: LabelTarget, classes: Path | None = None) -> None:
    """Write `target_<attribute>.scp`, its archive and its JSON from a label file.

    Every utterance of wav.scp is listed, with `None` if it has no label. Utterances of the same label share a vector:
    float32 (1,), the index in the sorted classes, -1 for a class that is not among them, or the number.

    Args:
        dump_dir: dump/<set>, with wav.scp; without the label file, every target is `None`.
        attribute: name of the attribute, for the file names.
        target: its declaration.
        classes: classes_<attribute>.json of the training set. None: this is a training set; its classes are sorted
            and written to a file of that name.

    Raises:
        UserError: a line with an utterance that is not in wav.scp, or without a number; a class that is not in
            `classes`, unless the declaration skips unknown classes.
    """
    utterances = DataDir(dump_dir).utterances
    file = dump_dir / target.labels
    labels = _read_labels(file, set(utterances))
    if not labels:
        print(f"  {dump_dir}: no utterance has a label in {target.labels}, so every target_{attribute} is None")
    values: Mapping[str, Any] = _parse_numbers(labels, file) if target.kind == "number" else labels
    space = _space_of(values.values(), target.kind) if classes is None else _read_space(classes, target)
    unknown = [name for name, label in labels.items() if target.kind == "class" and label not in space.classes]
    if unknown and target.unknown == "error":
        raise UserError(
            f"{file}: {labels[unknown[0]]!r} of {unknown[0]} is not among the classes of {classes}; "
            "correct it, or write `unknown: skip` in the attribute's target"
        )
    numbers: dict[Any, float] = {value: value for value in values.values()}
    if target.kind == "class":
        indices = {name: index for index, name in enumerate(space.classes)}
        numbers = {value: indices.get(value, UNKNOWN_CLASS) for value in numbers}
    locators = _write_numbers(dump_dir, f"target_{attribute}", numbers)
    write_scp(dump_dir / f"target_{attribute}.scp", {name: locators.get(values.get(name)) for name in utterances})
    description = _describe(target.labels, space)
    num_missing = len(utterances) - len(labels)
    counts = {"num_targets": len(labels), "num_missing": num_missing, "num_unknown": len(unknown)}
    write_json_atomic(dump_dir / f"target_{attribute}.json", description | counts)
    if classes is None:
        write_json_atomic(class_file(dump_dir, attribute), description)
    else:
        class_file(dump_dir, attribute).unlink(missing_ok=True)


def _describe(labels: str, space: LabelSpace) -> dict:
    """Labels in the JSON of a target file."""
    return {LABELS: labels, "from": LABELS, "dim": 1, **space.to_json()}


def _read_labels(path: Path, utterances: set[str]) -> dict[str, str]:
    """Labels of the utterances that have one."""
    labels = {}
    for number, (utterance, label) in enumerate(iter_scp(path) if path.is_file() else (), 1):
        if utterance not in utterances:
            raise UserError(f"{path}:{number}: utterance {utterance!r} is not in wav.scp; run stage 2 again")
        if label != UNDETERMINED:
            labels[utterance] = label
    return labels


def _parse_numbers(labels: Mapping[str, str], path: Path) -> dict[str, float]:
    numbers = {}
    for utterance, label in labels.items():
        try:
            numbers[utterance] = float(label)
        except ValueError:
            numbers[utterance] = math.nan
        if not math.isfinite(numbers[utterance]):
            raise UserError(f"{path}: {label!r} of {utterance} is not a number; correct it, or write `kind: class`")
    return numbers


def _space_of(values: Iterable[Any], kind: LabelKind) -> LabelSpace:
    counts: Counter[Any] = Counter(values)
    if kind == "class":
        return LabelSpace(kind=kind, classes=dict(sorted(counts.items())))
    if not counts:
        return LabelSpace(kind=kind, std=0.0)
    numbers = np.array(sorted(counts.elements()), dtype=np.float64)
    return LabelSpace(kind=kind, mean=float(numbers.mean()), std=float(numbers.std()))


def _read_space(path: Path, target: LabelTarget) -> LabelSpace:
    try:
        description = json.loads(path.read_text(encoding="utf-8"))
        file, space = description[LABELS], LabelSpace.from_json(description)
    except FileNotFoundError as error:
        raise UserError(f"--classes {path}: no such file; dump the training set's targets first") from error
    except (ValueError, KeyError, TypeError) as error:
        raise UserError(f"--classes {path}: describes no labels; dump the training set's targets again") from error
    if (file, space.kind) != (target.labels, target.kind):
        raise UserError(f"--classes {path}: of {file} ({space.kind}), not {target.labels} ({target.kind})")
    return space


def _write_numbers[Label](folder: Path, name: str, numbers: Mapping[Label, float]) -> dict[Label, str]:
    """Write a float32 vector (1,) for each label to the only archive of that name; label -> `archive:offset`."""
    ark = archive_of(folder, name, repr(list(numbers.values())).encode())
    vectors = ((str(index), np.array([number], np.float32)) for index, number in enumerate(numbers.values()))
    locators = dict(zip(numbers, write_ark(ark, vectors).values(), strict=True))
    remove_old_archives(folder, name, {str(ark)})
    return locators
