"""Several dump directories as one: training on corpora that know different attributes."""

import heapq
import json
from collections.abc import Iterator, Sequence
from operator import itemgetter
from pathlib import Path

from espnet_ext.config.attributes import LABELS
from espnet_ext.data.combine_labels import combine_labels
from espnet_ext.dump.translation_targets import translations_name
from espnet_ext.kaldi.scp import iter_scp
from espnet_ext.utils.atomic import atomic_path, write_json_atomic
from espnet_ext.utils.errors import UserError

COLUMNS = ("utt2num_samples", "utt2lang", "utt2spk")
MISSING = "None"
# What must be the same in all dumps for their targets to be targets of one head.
AGREED = ("teacher", "version", "dim", "normalisation", "from")

Lines = Iterator[tuple[str, str]]


def combine_dumps(out: Path, dumps: Sequence[Path], attributes: Sequence[str]) -> dict[str, int]:
    """Merge dump directories into one that points into their archives; nothing is held in memory.

    wav.scp is written last: its presence says that the rest is whole.

    Args:
        out: the combined dump directory; utt2corpus tells its utterances' origin, by the folders' names.
        dumps: dump directories of different names, with different utterances.
        attributes: whose targets to merge; a dump without them gives `None`, a missing target.

    Returns:
        Name -> lines that are not `None`, of wav.scp and of every target file.

    Raises:
        UserError: an utterance in two dumps, a file that does not list a dump's utterances, an attribute that
            no dump has, or targets of different teachers or dimensions.
    """
    names = [dump.name for dump in dumps]
    if len(set(names)) < len(names):
        raise UserError(f"--dumps: two folders have the same name: {' '.join(map(str, dumps))}")
    for dump in dumps:
        if dump.resolve() == out.resolve():
            raise UserError(f"--out {out} is one of --dumps; name a new folder")
        if not (dump / "wav.scp").is_file():
            raise UserError(f"{dump}/wav.scp: no such file; run stage 2 of this set first")
    (out / "wav.scp").unlink(missing_ok=True)
    for column in COLUMNS:
        _write_merged(out / column, dumps, [_column(dump, column) for dump in dumps])
    (out / "utt2sent").unlink(missing_ok=True)
    if known := [dump for dump in dumps if (dump / "utt2sent").is_file()]:
        _write_merged(out / "utt2sent", known, [iter_scp(dump / "utt2sent") for dump in known])
    _write_merged(out / "utt2corpus", dumps, [_constant(dump, dump.name) for dump in dumps])
    counts = {}
    for attribute in attributes:
        counts[f"target_{attribute}"] = _combine_targets(out, dumps, f"target_{attribute}")
        averaged = translations_name(attribute)
        if any((dump / f"{averaged}.scp").is_file() for dump in dumps):
            # As within a dump: what has no translations keeps its own target.
            counts[averaged] = _combine_targets(out, dumps, averaged, otherwise=f"target_{attribute}")
    counts["wav"] = _write_merged(out / "wav.scp", dumps, [iter_scp(dump / "wav.scp") for dump in dumps])
    return counts


def _combine_targets(out: Path, dumps: Sequence[Path], name: str, otherwise: str = "") -> int:
    """Merge one attribute's targets and describe them; returns how many there are."""
    files = {}
    for dump in dumps:
        for stem in filter(None, (name, otherwise)):
            if (dump / f"{stem}.scp").is_file():
                files[dump] = dump / f"{stem}.scp"
                break
    if not files:
        raise UserError(f"{name}.scp is in none of {' '.join(map(str, dumps))}; run stage 2 first")
    columns = {dump: _column(dump, files[dump].name) if dump in files else _constant(dump, MISSING) for dump in dumps}
    jsons = {dump: path.with_suffix(".json") for dump, path in files.items()}
    described = {dump: json.loads(path.read_text(encoding="utf-8")) for dump, path in jsons.items()}
    if any(LABELS in description for description in described.values()):
        agreed = combine_labels(out, name, described, columns)
    else:
        agreed = _agreed_description({jsons[dump]: found for dump, found in described.items()})
    count = _write_merged(out / f"{name}.scp", dumps, list(columns.values()))
    write_json_atomic(out / f"{name}.json", agreed | {"num_targets": count, "corpora": [dump.name for dump in files]})
    return count


def _agreed_description(described: dict[Path, dict]) -> dict:
    """What the descriptions of all targets say alike; UserError names the two that differ.

    A dump without any target was described without its teacher.
    """
    described = {path: content for path, content in described.items() if content.get("num_targets")} or described
    (first, known), *others = described.items()
    for path, other in others:
        if differing := [key for key in AGREED if other.get(key) != known.get(key)]:
            key = differing[0]
            raise UserError(
                f"{path}: {key} {other.get(key)!r}, but {known.get(key)!r} in {first}: "
                "dump the targets of both with the same teacher"
            )
    return {key: known[key] for key in AGREED if key in known}


def _column(dump: Path, name: str) -> Lines:
    """Lines of a dump's file, which must list the utterances of its wav.scp."""
    lines = iter_scp(dump / name)
    for utterance, _ in iter_scp(dump / "wav.scp"):
        key, value = next(lines, ("", ""))
        if key != utterance:
            raise UserError(f"{dump / name}: {utterance} is not in it, or other utterances are; run stage 2 again")
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
