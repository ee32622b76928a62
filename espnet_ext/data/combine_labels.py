"""Labels of several dump directories as those of one set."""

import math
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import kaldiio
import numpy as np

from espnet_ext.config.attributes import LABELS
from espnet_ext.config.labels import LabelSpace
from espnet_ext.dump.label_targets import class_file, describe_labels, write_numbers
from espnet_ext.utils.atomic import write_json_atomic
from espnet_ext.utils.errors import UserError

Lines = Iterator[tuple[str, str]]
Descriptions = Mapping[Path, Mapping[str, Any]]


def combine_labels(out: Path, name: str, descriptions: Descriptions, columns: dict[Path, Lines]) -> dict[str, Any]:
    """Make the targets of several dumps' labels those of one set.

    Of training sets, classes are merged by name, their counts added, and noted in `out`, as `dump_labels` does for
    one set. Other sets must have the classes of one training set already.

    Args:
        out: the combined dump directory.
        name: `target_<attribute>`.
        descriptions: dump -> content of its target file's JSON; dumps without the file are left out.
        columns: dump -> lines of its target file; where classes change their index, the lines are replaced in place.

    Returns:
        the description of the merged targets.

    Raises:
        UserError: targets of other labels or of a teacher, or sets of different classes that are no training sets.
    """
    attribute = name.removeprefix("target_")
    (first, known), *others = descriptions.items()
    for dump, other in others:
        for key in (LABELS, "kind"):
            if other.get(key) != known.get(key):
                raise UserError(
                    f"{dump}/{name}.json: {key} {other.get(key)!r}, but {known.get(key)!r} in {first}: dump both again"
                )
    spaces = {dump: LabelSpace.from_json(description) for dump, description in descriptions.items()}
    space, training = spaces[first], all(class_file(dump, attribute).is_file() for dump in spaces)
    if training:
        space = _merged(list(spaces.values()), [found["num_targets"] for found in descriptions.values()])
        write_json_atomic(class_file(out, attribute), describe_labels(known[LABELS], space))
    for dump, other in spaces.items():
        if not training and other != space:
            raise UserError(
                f"{dump}/{name}.json: other classes, or another scale, than in {first}: dump both with --classes of "
                "one training set"
            )
    if any(list(other.classes) != list(space.classes) for other in spaces.values()):
        places = write_numbers(out, name, {label: i for i, label in enumerate(space.classes)})
        for dump, other in spaces.items():
            columns[dump] = _renumbered(columns[dump], list(other.classes), places)
    return describe_labels(known[LABELS], space)


def _merged(spaces: list[LabelSpace], counts: list[int]) -> LabelSpace:
    """All sets' labels together; `counts` are their labelled utterances."""
    if spaces[0].kind == "class":
        total: Counter[str] = Counter()
        for space in spaces:
            total.update(space.classes)
        return LabelSpace(kind="class", classes=dict(sorted(total.items())))
    if not sum(counts):
        return LabelSpace(kind="number", std=0.0)
    shares = np.array(counts) / sum(counts)
    mean = float(shares @ [space.mean for space in spaces])
    variance = float(shares @ [space.std**2 + (space.mean - mean) ** 2 for space in spaces])
    return LabelSpace(kind="number", mean=mean, std=math.sqrt(variance))


def _renumbered(lines: Lines, classes: list[str], places: Mapping[str, str]) -> Lines:
    """Lines of a target file with the places of the same classes' new indices."""
    moved = {"None": "None"}
    for utterance, entry in lines:
        if entry not in moved:  # few: the utterances of a class share one
            moved[entry] = places[classes[int(kaldiio.load_mat(entry)[0])]]
        yield utterance, moved[entry]
