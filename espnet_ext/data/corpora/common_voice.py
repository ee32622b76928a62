"""Common Voice: sentences read by volunteers, any release (Ardila et al., 2020, arXiv 1912.06670; CC0)."""

import hashlib
import os
import sys
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from espnet_ext.audio import RATE
from espnet_ext.data.corpora.ages import labels_of_decade
from espnet_ext.data.corpora.incomplete import check_lost
from espnet_ext.data.corpora.languages import iso639_3
from espnet_ext.data.corpora.lengths import NO_AUDIO, UNREADABLE, AudioLength, header_lengths
from espnet_ext.data.corpora.tables import plain_text, read_rows
from espnet_ext.kaldi.excluded import Exclusions
from espnet_ext.kaldi.utterances import Utterance
from espnet_ext.utils.errors import UserError

REQUIRED_COLUMNS = ("client_id", "path", "sentence")
DURATIONS = "clip_durations.tsv"
# The names changed with the releases; who prefers not to say has no label.
GENDERS = {"male_masculine": "male", "female_feminine": "female", "do_not_wish_to_say": ""}
LABELS = {"age": "age", "gender": "gender", "accent": "accent", "accents": "accent"}  # column -> attribute
MAX_LEFT_OUT = 0.01
# MP3 has no lower bit rate than 8 kbit/s: a smaller clip is empty or cut, whatever the list of durations has.
MIN_BYTES_PER_MS = 1.0


def parse_common_voice(
    root: Path,
    split: str,
    language: str,
    excluded: Exclusions,
    nj: int,
    max_left_out: float = MAX_LEFT_OUT,
) -> list[Utterance]:
    """Read one split of one language.

    The speaker is the client_id, shortened, and one person in all languages. A clip whose sentence is empty
    has no text. Clips of all lengths stay: limits of duration are stage 2's.

    Args:
        root: the folder of a release, or one that holds a single cv-corpus-* folder.
        split: train, dev, test, validated, invalidated or other.
        language: Common Voice's code (a folder's name).
        excluded: takes rows without a clip.
        nj: processes that read headers, for languages without clip_durations.tsv.
        max_left_out: largest share of the rows that may lack a clip.

    Raises:
        UserError: naming a table that is absent, lacks a column or is not UTF-8, or of which too much is lost.
    """
    folder = release_folder(root) / language
    clips = folder / "clips"
    lost = Exclusions()
    rows = _read_table(folder / f"{split}.tsv", lost)
    lengths = _clip_lengths(folder, rows, nj)
    iso_language = iso639_3(language)
    utterances = []
    for name, row in rows.items():
        speaker = _speaker(row.client_id, name)
        utterance = f"{speaker}-{name}" if row.client_id else speaker
        if lengths[name].fault:
            lost.add(utterance, clips / f"{name}.mp3", lengths[name].fault)
            continue
        utterances.append(
            Utterance(
                id=utterance,
                speaker=speaker,
                path=clips / f"{name}.mp3",
                num_samples=lengths[name].num_samples,
                language=iso_language,
                text=row.sentence or None,
                labels=row.labels,
            )
        )
    check_lost(lost, len(utterances) + len(lost.entries), max_left_out, folder / f"{split}.tsv")
    excluded.entries += lost.entries
    return utterances


def release_folder(root: Path) -> Path:
    """The folder of the languages' folders.

    Raises:
        UserError: if `root` is absent or holds several releases.
    """
    if not root.is_dir():
        raise UserError(f"{root}: no such folder; check the option")
    releases = sorted(path for path in root.glob("cv-corpus-*") if path.is_dir())
    if len(releases) > 1:
        raise UserError(f"{root}: several releases ({', '.join(path.name for path in releases)}); name one of them")
    return releases[0] if releases else root


def list_languages(root: Path, split: str) -> list[str]:
    """Codes of the languages that have this split.

    Raises:
        UserError: none has, as in a folder of something else.
    """
    release = release_folder(root)
    languages = sorted(path.parent.name for path in release.glob(f"*/{split}.tsv"))
    if not languages:
        raise UserError(f"{release}: not a release of Common Voice: no <language>/{split}.tsv; check the option")
    return languages


class Row(NamedTuple):
    """What is kept of a row, with labels that equal rows share: English alone has a million of them."""

    client_id: str
    sentence: str
    labels: Mapping[str, str]


def _read_table(path: Path, lost: Exclusions) -> dict[str, Row]:
    """Clip without suffix -> row; rows may be shorter than the header."""
    header: list[str] = []
    rows: dict[str, Row] = {}
    labels: dict[tuple[tuple[str, str], ...], dict[str, str]] = {}
    for number, columns in read_rows(path):
        if not header:
            header = columns
            missing = [name for name in REQUIRED_COLUMNS if name not in header]
            if missing:
                raise UserError(f"{path}:1: no column {', '.join(missing)} in {', '.join(header)}; not Common Voice?")
            continue
        row = dict.fromkeys(header, "") | dict(zip(header, columns, strict=False))
        name = row["path"].strip().removesuffix(".mp3")
        if not name or name in rows:
            lost.add(f"commonvoice-{name or number}", path, "listed twice" if name else "no name of a clip")
            continue
        own = _labels(row)
        shared = labels.setdefault(tuple(own.items()), own)
        rows[name] = Row(sys.intern(row["client_id"].strip()), plain_text(row["sentence"]), shared)
    return rows


def _clip_lengths(folder: Path, names: Collection[str], nj: int) -> dict[str, AudioLength]:
    """Length of each clip: from the release's list of durations where it has one, else from the headers."""
    clips = folder / "clips"
    sizes: dict[str, int] = {}
    # Of the many other clips (English has two million) nothing is kept.
    for entry in os.scandir(clips) if clips.is_dir() else ():
        if (name := entry.name.removesuffix(".mp3")) in names:
            sizes[name] = entry.stat().st_size
    lengths = {name: AudioLength(0, NO_AUDIO) for name in names if name not in sizes}
    for name, duration_ms in _read_durations(folder / DURATIONS):
        if duration_ms and name in sizes:
            is_whole = sizes[name] >= MIN_BYTES_PER_MS * duration_ms
            lengths[name] = AudioLength(round(duration_ms * RATE / 1000)) if is_whole else AudioLength(0, UNREADABLE)
    unknown = [name for name in names if name not in lengths]
    if unknown:
        paths = [str(clips / f"{name}.mp3") for name in unknown]
        found = header_lengths(paths, nj, f"Common Voice {folder.name}: headers")
        lengths |= dict(zip(unknown, found, strict=True))
    return lengths


def _read_durations(path: Path) -> Iterator[tuple[str, int]]:
    """Clip without suffix, and milliseconds; nothing for a release without the list."""
    for number, columns in read_rows(path) if path.is_file() else ():
        if number == 1:  # clip, duration[ms]
            continue
        if len(columns) != 2 or not columns[1].isdecimal():
            raise UserError(f"{path}:{number}: expected a clip and milliseconds, found {columns!r}; fetch it again")
        yield columns[0].removesuffix(".mp3"), int(columns[1])


def _speaker(client_id: str, clip: str) -> str:
    """A client_id is 128 characters long; 64 bits tell millions apart. Without one, the clip is its own speaker."""
    digest = hashlib.sha256(client_id.encode()).hexdigest()[:16]
    return f"commonvoice-{digest}" if client_id else f"commonvoice-{clip}"


def _labels(row: Mapping[str, str]) -> dict[str, str]:
    labels = {attribute: plain_text(row[column]) for column, attribute in LABELS.items() if column in row}
    labels |= labels_of_decade(labels.get("age", ""))
    if "gender" in labels:
        gender = labels["gender"].lower()
        labels["gender"] = GENDERS.get(gender, gender)
    return {attribute: label for attribute, label in labels.items() if label}
