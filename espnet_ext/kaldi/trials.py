"""Verification trials: `1 enrol test` for a pair of the same speaker, `0 enrol test` for another."""

import hashlib
from collections.abc import Collection, Iterator, Mapping
from itertools import combinations
from pathlib import Path
from typing import NamedTuple

from espnet_ext.kaldi.scp import read_lines, split_fields
from espnet_ext.utils.atomic import write_text_atomic
from espnet_ext.utils.errors import UserError


class Trial(NamedTuple):
    is_target: bool
    enrol: str
    test: str


def make_trials(utt2spk: Mapping[str, str], possible_person: Mapping[str, str], max_nontarget: int) -> list[Trial]:
    """All same-speaker pairs, and a fixed subset of the others.

    Args:
        utt2spk: utterance -> speaker.
        possible_person: speaker -> a name shared by speakers that may be one person; two such
            speakers are not compared, since nobody knows the right answer.
        max_nontarget: most non-target trials; those with the smallest SHA-1 of their names stay.

    Returns:
        trials sorted by enrolment and test utterance.
    """
    targets, nontargets = [], []
    for enrol, test in combinations(sorted(utt2spk), 2):
        first, second = utt2spk[enrol], utt2spk[test]
        if first == second:
            targets.append(Trial(True, enrol, test))
        elif possible_person.get(first, first) != possible_person.get(second, second):
            nontargets.append(Trial(False, enrol, test))
    nontargets.sort(key=lambda trial: hashlib.sha1(f"{trial.enrol} {trial.test}".encode()).digest())
    return sorted(targets + nontargets[:max_nontarget], key=lambda trial: trial[1:])


def write_trials(path: str | Path, trials: list[Trial]) -> None:
    """Write a trial list, whole or not at all."""
    write_text_atomic(path, "".join(f"{trial.is_target:d} {trial.enrol} {trial.test}\n" for trial in trials))


def read_trials(path: str | Path, known: Collection[str]) -> list[Trial]:
    """All of `iter_trials`, which says what is refused."""
    return list(iter_trials(path, known))


def iter_trials(path: str | Path, known: Collection[str]) -> Iterator[Trial]:
    """Read a trial list, a line at a time; `known` are the utterances that a trial may name.

    Raises:
        UserError: naming file, line and utterance, if a line is not a trial or names an unknown
            utterance (a trial that is skipped silently changes the figure), or if the list is empty.
    """
    number = 0
    for number, line in read_lines(Path(path)):
        fields = split_fields(line)
        if len(fields) != 3 or fields[0] not in ("0", "1"):
            raise UserError(f"{path}:{number}: expected `1|0 enrol test`, found {line!r}")
        for utterance in fields[1:]:
            if utterance not in known:
                raise UserError(f"{path}:{number}: utterance {utterance!r} is not in the data directory")
        yield Trial(fields[0] == "1", fields[1], fields[2])
    if not number:
        raise UserError(f"{path}: no trials in the list; remove the file or make it again")
