"""Common Voice: sentences read by volunteers, any release (Ardila et al., 2020, arXiv 1912.06670; CC0)."""

import hashlib
import os
import sys
from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path

from espnet_ext.audio import RATE
from espnet_ext.corpora.corpus import Corpus, Option, Options, SetContent, add_parts, choose_parts
from espnet_ext.corpora.labels import iso639_3, labels_of_decade
from espnet_ext.corpora.lengths import MAX_LEFT_OUT, NO_AUDIO, UNREADABLE, AudioLength, check_lost, header_lengths
from espnet_ext.corpora.published import published
from espnet_ext.corpora.tables import plain_text, read_table
from espnet_ext.kaldi.excluded import Exclusions
from espnet_ext.kaldi.utterances import Utterance
from espnet_ext.utils.errors import UserError

REQUIRED_COLUMNS = ("client_id", "path", "sentence")
DURATIONS, DURATION_COLUMNS = "clip_durations.tsv", ("clip", "duration[ms]")
# The names changed with the releases; speakers who prefer not to say have no label.
GENDERS = {"male_masculine": "male", "female_feminine": "female", "do_not_wish_to_say": ""}
LABELS = {"age": "age", "gender": "gender", "accent": "accent", "accents": "accent"}  # column -> attribute
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

    The speaker is the shortened client_id, the same in all languages. A clip whose sentence is empty has no text.
    Clips of all lengths are kept: stage 2 applies the limits of duration.

    Args:
        root: the folder of a release, or a folder with a single cv-corpus-* folder.
        split: train, dev, test, validated, invalidated or other.
        language: Common Voice's code (a folder's name).
        excluded: takes rows without a clip.
        nj: number of processes that read headers, for languages without clip_durations.tsv.
        max_left_out: largest share of the rows that may lack a clip.

    Raises:
        UserError: naming a table that is absent, incomplete or not UTF-8, or if too many clips are missing.
    """
    folder = release_folder(root) / language
    table = folder / f"{split}.tsv"
    lost = Exclusions()
    candidates = _read_clips(table, iso639_3(language), lost)
    lengths = _clip_lengths(folder, candidates, nj)
    utterances = []
    for name, utterance in candidates.items():
        if fault := lengths[name].fault:
            lost.add(utterance.id, utterance.path, fault)
        else:
            utterances.append(replace(utterance, num_samples=lengths[name].num_samples))
    check_lost(lost, len(utterances) + len(lost.entries), max_left_out, table, excluded)
    return utterances


def release_folder(root: Path) -> Path:
    """The folder of the languages' folders.

    Raises:
        UserError: if `root` is absent or contains several releases.
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
        UserError: there are none, as in the folder of another corpus.
    """
    release = release_folder(root)
    languages = sorted(path.parent.name for path in release.glob(f"*/{split}.tsv"))
    if not languages:
        raise UserError(f"{release}: not a release of Common Voice: no <language>/{split}.tsv; check the option")
    return languages


def _read_clips(path: Path, language: str, lost: Exclusions) -> dict[str, Utterance]:
    """Clip without suffix -> utterance without its length; rows may be shorter than the header."""
    clips: dict[str, Utterance] = {}
    # Equal labels share one dictionary, and a speaker is one string: English has a million rows.
    labels: dict[tuple[tuple[str, str], ...], dict[str, str]] = {}
    for where, row in read_table(path, "\t", REQUIRED_COLUMNS, may_be_short=True):
        name, client = row["path"].strip().removesuffix(".mp3"), row["client_id"].strip()
        if not name or name in clips:
            number = where.rpartition(":")[2]
            lost.add(f"commonvoice-{name or number}", path, "listed twice" if name else "no name of a clip")
            continue
        # A client_id is 128 characters long; 64 bits tell millions apart. Without one, the clip is its own speaker.
        speaker = sys.intern(f"commonvoice-{hashlib.sha256(client.encode()).hexdigest()[:16] if client else name}")
        own = _labels(row)
        clips[name] = Utterance(
            id=f"{speaker}-{name}" if client else speaker,
            speaker=speaker,
            path=path.parent / "clips" / f"{name}.mp3",
            num_samples=0,
            language=language,
            text=plain_text(row["sentence"]) or None,
            labels=labels.setdefault(tuple(own.items()), own),
        )
    return clips


def _clip_lengths(folder: Path, names: Collection[str], nj: int) -> dict[str, AudioLength]:
    """Length of each clip: from the release's list of durations if it has one, else from the headers."""
    clips = folder / "clips"
    sizes: dict[str, int] = {}
    # The many other clips are skipped: English has two million.
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
    table = read_table(path, "\t", DURATION_COLUMNS) if path.is_file() else ()
    for where, row in table:
        clip, duration_ms = (row[column] for column in DURATION_COLUMNS)
        if not duration_ms.isdecimal():
            raise UserError(f"{where}: expected a clip and milliseconds, found {duration_ms!r}; fetch it again")
        yield clip.removesuffix(".mp3"), int(duration_ms)


def _labels(row: Mapping[str, str]) -> dict[str, str]:
    labels = {attribute: plain_text(row[column]) for column, attribute in LABELS.items() if column in row}
    labels |= labels_of_decade(labels.get("age", ""))
    if "gender" in labels:
        gender = labels["gender"].lower()
        labels["gender"] = GENDERS.get(gender, gender)
    return {attribute: label for attribute, label in labels.items() if label}


def read_common_voice(options: Options, split: str, data: Path) -> SetContent:
    """Read a split (`train` or `dev`) of the chosen languages."""
    root = options.commonvoice
    release = release_folder(root)
    content = CORPUS.content(options, version=release.name)
    languages = choose_parts(
        content,
        split,
        options,
        options.commonvoice_languages,
        list_languages(root, split),
        published("Common Voice", release.name, split),
        lambda language: release / language / f"{split}.tsv",
    )
    add_parts(content, split, "clips", languages, partial(parse_common_voice, root, split), options)
    return content


CORPUS = Corpus(
    "commonvoice",
    "Common Voice",
    "CC0 1.0",
    "a release: <lang>/{train,dev}.tsv and <lang>/clips/",
    read_common_voice,
    (Option("commonvoice_languages", (), 'Common Voice languages, e.g. "en fr"; all on disk if empty'),),
)
