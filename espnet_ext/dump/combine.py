"""Merge dump directories, to train on corpora with different attributes."""

import heapq
import json
from collections.abc import Iterator, Sequence
from operator import itemgetter
from pathlib import Path

from espnet_ext.dump.translation_targets import translations_name
from espnet_ext.kaldi.scp import iter_scp
from espnet_ext.utils.atomic import atomic_path, write_json_atomic
from espnet_ext.utils.errors import UserError

# Every utterance of a dump must be in them; the other columns (labels, sentences) may lack utterances.
COMPLETE = ("utt2num_samples", "utt2lang", "utt2spk")
MISSING = "None"
# Properties that all dumps must share for their targets to train one head.
AGREED = ("teacher", "version", "dim", "normalisation", "from")

Lines = Iterator[tuple[str, str]]


def combine_dumps(out: Path, dumps: Sequence[Path], attributes: Sequence[str]) -> dict[str, int]:
    """Merge dump directories into one that points into their archives; nothing is held in memory.

    Targets from labels are not merged: `dump_labels` makes them from the merged columns, with the classes of all.
    wav.scp is written last: it exists only if the rest is complete.

    Args:
        out: the combined dump directory; its utt2corpus contains the name of each utterance's dump.
        dumps: dump directories of different names, with different utterances.
        attributes: attributes whose teacher targets are merged; a dump without them gives `None`, a missing target.

    Returns:
        Name -> number of lines that are not `None`, of wav.scp and of every target file.

    Raises:
        UserError: an utterance in two dumps, a file that does not list a dump's utterances, an attribute that
            no dump has, or targets of different teachers or dimensions.
    """
    _check_folders(out, dumps)
    (out / "wav.scp").unlink(missing_ok=True)
    _merge_columns(out, dumps)
    counts = {}
    for attribute in attributes:
        counts[f"target_{attribute}"] = _combine_targets(out, dumps, f"target_{attribute}")
        averaged = translations_name(attribute)
        if any((dump / f"{averaged}.scp").is_file() for dump in dumps):
            # As within a dump: an utterance without translations keeps its own target.
            counts[averaged] = _combine_targets(out, dumps, averaged, f"target_{attribute}")
    counts["wav"] = _write_merged(out / "wav.scp", dumps, [iter_scp(dump / "wav.scp") for dump in dumps])
    return counts


def _check_folders(out: Path, dumps: Sequence[Path]) -> None:
    if len({dump.name for dump in dumps}) < len(dumps):
        raise UserError(f"--dumps: two folders have the same name: {' '.join(map(str, dumps))}")
    for dump in dumps:
        if dump.resolve() == out.resolve():
            raise UserError(f"--out {out} is one of --dumps; name a new folder")
        if not (dump / "wav.scp").is_file():
            raise UserError(f"{dump}/wav.scp: no such file; run stage 2 of this set first")


def _merge_columns(out: Path, dumps: Sequence[Path]) -> None:
    """Write every utt2* file that a dump has, and utt2corpus; remove files of an earlier run that no dump has."""
    for old in out.glob("utt2*"):
        old.unlink()
    for name in sorted({path.name for dump in dumps for path in dump.glob("utt2*")}.union(COMPLETE)):
        if name in COMPLETE:
            columns = [_column(dump, name) for dump in dumps]
        else:
            columns = [iter_scp(dump / name) for dump in dumps if (dump / name).is_file()]
        _write_merged(out / name, dumps, columns)
    _write_merged(out / "utt2corpus", dumps, [_constant(dump, dump.name) for dump in dumps])


def _combine_targets(out: Path, dumps: Sequence[Path], *names: str) -> int:
    """Merge one attribute's targets and describe them; returns how many there are.

    Args:
        names: stems of the target files; each dump gives the first that it has, all are written to the first name.
    """
    stems = {dump: stem for dump in dumps for stem in reversed(names) if (dump / f"{stem}.scp").is_file()}
    if not stems:
        raise UserError(f"{names[0]}.scp is in none of {' '.join(map(str, dumps))}; run stage 2 first")
    columns = [_column(dump, f"{stems[dump]}.scp") if dump in stems else _constant(dump, MISSING) for dump in dumps]
    agreed = _agreed_description([dump / f"{stem}.json" for dump, stem in stems.items()])
    count = _write_merged(out / f"{names[0]}.scp", dumps, columns)
    corpora = [dump.name for dump in stems]
    write_json_atomic(out / f"{names[0]}.json", agreed | {"num_targets": count, "corpora": corpora})
    return count


def _agreed_description(paths: Sequence[Path]) -> dict:
    """The properties that all targets share; UserError names the two files that differ.

    The description of a dump without targets does not name its teacher.
    """
    described = {path: json.loads(path.read_text(encoding="utf-8")) for path in paths}
    described = {path: content for path, content in described.items() if content.get("num_targets")} or described
    (first, expected), *others = described.items()
    for path, other in others:
        if differing := [key for key in AGREED if other.get(key) != expected.get(key)]:
            key = differing[0]
            raise UserError(
                f"{path}: {key} {other.get(key)!r}, but {expected.get(key)!r} in {first}: "
                "dump the targets of both with the same teacher"
            )
    return {key: expected[key] for key in AGREED if key in expected}


def _column(dump: Path, name: str) -> Lines:
    """Lines of a dump's file, which must list the utterances of its wav.scp."""
    lines = iter_scp(dump / name)
    for utterance, _ in iter_scp(dump / "wav.scp"):
        key, value = next(lines, ("", ""))
        if key != utterance:
            raise UserError(
                f"{dump / name}: {utterance} is missing, or the file lists other utterances; run stage 2 again"
            )
        yield key, value
    if other := next(lines, None):
        raise UserError(f"{dump / name}: {other[0]} is not in wav.scp; run stage 2 again")


def _constant(dump: Path, value: str) -> Lines:
    return ((utterance, value) for utterance, _ in iter_scp(dump / "wav.scp"))


def _write_merged(path: Path, dumps: Sequence[Path], columns: Sequence[Lines]) -> int:
    """Write sorted columns as one; returns its lines that are not `None`."""
    count, previous = 0, ""
    with atomic_path(path) as temporary, temporary.open("w", encoding="utf-8", newline="") as stream:
        for utterance, value in heapq.merge(*columns, key=itemgetter(0)):
            if utterance == previous:
                raise UserError(f"utterance {utterance!r} is in two of {' '.join(map(str, dumps))}; rename one")
            stream.write(f"{utterance} {value}\n")
            count += value != MISSING
            previous = utterance
    return count
