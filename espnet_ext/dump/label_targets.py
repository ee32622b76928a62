"""Labels as targets: target_<attribute>.scp over vectors of one number, a class's index or the label itself."""

import json
import math
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path

import kaldiio
import numpy as np

from espnet_ext.config.attributes import LABELS, TargetConfig
from espnet_ext.config.labels import LabelSpace
from espnet_ext.kaldi.archives import archive_of, remove_old_archives
from espnet_ext.kaldi.data_dir import DataDir
from espnet_ext.kaldi.scp import iter_scp, write_scp
from espnet_ext.utils.atomic import atomic_path, write_json_atomic
from espnet_ext.utils.errors import UserError

# ISO 639-3 for "undetermined": in a file that must list every utterance, this is no label.
UNDETERMINED = "und"
UNKNOWN_CLASS = -1


def class_file(dump_dir: Path, attribute: str) -> Path:
    """Where a training set's classes (or the scale of its numbers) are noted, for the other sets' targets."""
    return dump_dir / f"classes_{attribute}.json"


def dump_labels(dump_dir: Path, attribute: str, target: TargetConfig, classes: Path | None = None) -> None:
    """Write `target_<attribute>.scp`, its archive and its JSON from a label file.

    Every utterance of wav.scp is listed; `None` stands for one without a label. Utterances of the same label
    share a vector: float32 (1,), the class's index in the sorted classes, -1 for a class that is not among
    them, or the number.

    Args:
        dump_dir: dump/<set>, with wav.scp; without the label file, every target is `None`.
        attribute: names the files.
        target: its declaration.
        classes: classes_<attribute>.json of the training set; without it, this is a training set, whose
            classes are sorted and noted in a file of that name.

    Raises:
        UserError: a line of an utterance that is not in wav.scp, or of no number; a class that is not in `classes`,
            unless the declaration says that it is skipped.
    """
    utterances = DataDir(dump_dir).utterances
    file = dump_dir / target.labels
    labels = _read_labels(file, set(utterances))
    if not labels:
        print(f"  {dump_dir}: no utterance has a label in {target.labels}, so every target_{attribute} is None")
    values = _numbers(labels, file) if target.kind == "number" else labels
    space = _space_of(values.values(), target.kind) if classes is None else _read_space(classes, target)
    unknown = [name for name, label in labels.items() if target.kind == "class" and label not in space.classes]
    if unknown and target.unknown == "error":
        raise UserError(
            f"{file}: {labels[unknown[0]]!r} of {unknown[0]} is not among the classes of {classes}; "
            "correct it, or write `unknown: skip` in the attribute's target"
        )
    numbers = {value: value for value in values.values()}
    if target.kind == "class":
        indices = {name: index for index, name in enumerate(space.classes)}
        numbers = {value: indices.get(value, UNKNOWN_CLASS) for value in numbers}
    places = write_numbers(dump_dir, f"target_{attribute}", numbers)
    write_scp(dump_dir / f"target_{attribute}.scp", {name: places.get(values.get(name)) for name in utterances})
    counts = {
        "num_targets": len(labels),
        "num_missing": len(utterances) - len(labels),
        "num_unknown": len(unknown),
    }
    write_json_atomic(dump_dir / f"target_{attribute}.json", describe_labels(target.labels, space) | counts)
    if classes is None:
        write_json_atomic(class_file(dump_dir, attribute), describe_labels(target.labels, space))
    else:
        class_file(dump_dir, attribute).unlink(missing_ok=True)


def describe_labels(labels: str, space: LabelSpace) -> dict:
    """What a target file's JSON says of its labels."""
    return {LABELS: labels, "from": LABELS, "dim": 1, **space.to_json()}


def _read_labels(path: Path, known: set[str]) -> dict[str, str]:
    """Utterance -> label of those that have one."""
    labels = {}
    if path.is_file():
        for number, (utterance, label) in enumerate(iter_scp(path), 1):
            if utterance not in known:
                raise UserError(f"{path}:{number}: utterance {utterance!r} is not in wav.scp; run stage 2 again")
            if label != UNDETERMINED:
                labels[utterance] = label
    return labels


def _numbers(labels: Mapping[str, str], path: Path) -> dict[str, float]:
    numbers = {}
    for utterance, label in labels.items():
        try:
            numbers[utterance] = float(label)
        except ValueError:
            numbers[utterance] = math.nan
        if not math.isfinite(numbers[utterance]):
            raise UserError(f"{path}: {label!r} of {utterance} is no number; correct it, or write `kind: class`")
    return numbers


def _space_of(values: Iterable[str] | Iterable[float], kind: str) -> LabelSpace:
    counts = Counter(values)
    if kind == "class":
        return LabelSpace(kind=kind, classes=dict(sorted(counts.items())))
    numbers = np.array(sorted(counts.elements()), dtype=np.float64)
    scale = {"mean": float(numbers.mean()), "std": float(numbers.std())} if counts else {"std": 0.0}
    return LabelSpace(kind=kind, **scale)


def _read_space(path: Path, target: TargetConfig) -> LabelSpace:
    try:
        description = json.loads(path.read_text(encoding="utf-8"))
        found = description[LABELS], description["kind"]
        space = LabelSpace.from_json(description)
    except FileNotFoundError as error:
        raise UserError(f"--classes {path}: no such file; dump the training set's targets first") from error
    except (ValueError, KeyError, TypeError) as error:
        raise UserError(f"--classes {path}: describes no labels; dump the training set's targets again") from error
    if found != (target.labels, target.kind):
        raise UserError(f"--classes {path}: of {found[0]} ({found[1]}), not {target.labels} ({target.kind})")
    return space


def write_numbers[Label](folder: Path, name: str, numbers: Mapping[Label, float]) -> dict[Label, str]:
    """Write a float32 vector (1,) for each label, in the one archive of that name; label -> its `archive:offset`."""
    places = {}
    ark = archive_of(folder, name, repr(list(numbers.values())).encode())
    with atomic_path(ark) as temporary, temporary.open("wb") as stream:
        for index, (label, number) in enumerate(numbers.items()):
            places[label] = f"{ark}:{stream.tell() + len(str(index)) + 1}"
            kaldiio.save_ark(stream, {str(index): np.array([number], dtype=np.float32)})
    remove_old_archives(folder, name, {str(ark)})
    return places
