"""Folds that no speaker is in two of, each like the whole in its classes."""

from collections import Counter
from collections.abc import Iterable, Sequence

import numpy as np
from sklearn.model_selection import StratifiedGroupKFold

from espnet_ext.kaldi.utterances import Utterance
from espnet_ext.utils.errors import UserError


def speaker_folds(utterances: Iterable[Utterance], num_folds: int, balanced: Sequence[str]) -> dict[str, int]:
    """Deal speakers to folds, greedily so that every fold has its share of every class.

    The same utterances give the same folds, in any order.

    Args:
        balanced: labels whose combinations are the classes, for instance emotion and gender.

    Returns:
        speaker -> fold, from 1.

    Raises:
        UserError: if there are fewer speakers, or fewer utterances of every class, than folds.
    """
    ordered = sorted(utterances, key=lambda utterance: utterance.id)
    speakers = [utterance.speaker for utterance in ordered]
    if len(set(speakers)) < num_folds:
        raise UserError(f"{len(set(speakers))} speakers cannot make {num_folds} folds; choose fewer with --num_folds")
    classes = [" ".join(utterance.labels.get(name, "-") for name in balanced) for utterance in ordered]
    if max(Counter(classes).values()) < num_folds:
        raise UserError(f"no class has an utterance for each of {num_folds} folds; choose fewer with --num_folds")
    splitter = StratifiedGroupKFold(n_splits=num_folds)
    folds = {}
    for fold, (_, held_out) in enumerate(splitter.split(np.zeros(len(ordered)), classes, speakers), 1):
        folds.update({speakers[index]: fold for index in held_out})
    return folds


def part_of_fold(fold: int, test_fold: int, num_folds: int) -> str:
    """The set of a fold when `test_fold` is tested: "test", "dev" (the fold after it, cyclically) or "train"."""
    if fold == test_fold:
        return "test"
    return "dev" if fold == test_fold % num_folds + 1 else "train"
