"""VoxCeleb 1 and 2: interviews of celebrities, cut from videos (Nagrani et al., 2017; Chung et al., 2018)."""

import os
import re
from collections.abc import Iterable, Iterator, Mapping
from itertools import groupby
from operator import attrgetter
from pathlib import Path
from typing import NamedTuple

from espnet_ext.audio.files import is_visible
from espnet_ext.corpora.corpus import Corpus, Option, Options, SetContent
from espnet_ext.corpora.labels import UNKNOWN_LANGUAGE
from espnet_ext.corpora.lengths import MAX_LEFT_OUT, with_lengths
from espnet_ext.corpora.published import counted, published
from espnet_ext.corpora.tables import plain_text, read_rows
from espnet_ext.kaldi.excluded import Exclusions
from espnet_ext.kaldi.utterances import Utterance
from espnet_ext.utils.errors import UserError

META = {"voxceleb1": "vox1_meta.csv", "voxceleb2": "vox2_meta.csv"}
GENDERS = {"m": "male", "f": "female"}
SUFFIXES = (".wav", ".flac", ".m4a")  # of one utterance in several formats, the first is read
ARCHIVE_PARTS = {"vox1_dev_wav": {"aa", "ab", "ac", "ad"}, "vox2_dev_aac": {f"a{letter}" for letter in "abcdefgh"}}
MAX_DEPTH = 3  # folders between the root and the speakers: dev/aac/id00012

_SPEAKER = re.compile(r"id\d{5}")


class Speaker(NamedTuple):
    """A line of a meta file: the part ("dev" or "test"), and labels (gender, in VoxCeleb 1 nationality)."""

    part: str
    labels: dict[str, str]


def utterance_id(corpus: str, speaker: str, video: str, utterance: str) -> str:
    """Utterance id, for instance `voxceleb1-id10270-5r0dWxy17C8-00001`; never split again."""
    return f"{corpus}-{speaker}-{video}-{utterance}"


def parse_voxceleb(
    root: Path, corpus: str, part: str, excluded: Exclusions, nj: int, max_left_out: float = MAX_LEFT_OUT
) -> list[Utterance]:
    """Read one part of one corpus, sorted by utterance. There is no text, and the language is unknown (`und`).

    Args:
        root: contains the meta file, and folders id.../<video>/NNNNN.{wav,m4a} at any of three levels; both
            parts, and even both corpora, may share a folder: the meta file lists the speakers of each.
        corpus: "voxceleb1" or "voxceleb2".
        part: "dev" or "test".
        excluded: takes files without sound, and folders of speakers that the meta file does not name.
        nj: number of processes.
        max_left_out: largest share of files that may be unreadable.

    Raises:
        UserError: without the meta file, without any speaker of this part, or if too much is unreadable.
    """
    speakers = read_meta(root / META[corpus])
    folders: list[Path] = []
    for folder in speaker_folders(root):
        if folder.name not in speakers:
            excluded.add(f"{corpus}-{folder.name}", folder, "speaker not in the meta file")
        elif speakers[folder.name].part == part:
            folders.append(folder)
    if not folders:
        raise UserError(f"{root}: no folder of a {part} speaker of {META[corpus]}; {_how_to_unpack(root, corpus)}")
    by_speaker = groupby(sorted(folders, key=attrgetter("name")), key=attrgetter("name"))
    found = [
        utterance
        for name, own in by_speaker
        for utterance in _list_utterances(corpus, name, own, speakers[name].labels)
    ]
    return with_lengths(found, excluded, nj, f"{corpus} {part}: headers", root, max_left_out)


def read_meta(path: Path) -> dict[str, Speaker]:
    """Speakers of vox1_meta.csv (separated by tabs) or vox2_meta.csv (by commas, padded with spaces).

    Raises:
        UserError: naming the file without the columns of speaker, Gender and Set, or a line without them.
    """
    separator = ""
    header: list[str] = []
    speakers = {}
    for number, (line,) in read_rows(path, separator="\n"):
        # Names of VoxCeleb 1 may hold commas.
        separator = separator or ("," if "," in line else "\t")
        columns = [column.strip() for column in line.split(separator)]
        if not header:
            header = [column.lower() for column in columns]
            if not {"gender", "set"} <= set(header):
                raise UserError(f"{path}:{number}: no columns Gender and Set in {line!r}; fetch the file again")
            continue
        row = dict(zip(header, columns, strict=False))
        if not _SPEAKER.fullmatch(columns[0]) or row.get("set") not in ("dev", "test"):
            raise UserError(f"{path}:{number}: expected a speaker and dev or test, found {line!r}; fetch it again")
        labels = {"gender": GENDERS.get(row["gender"], ""), "nationality": plain_text(row.get("nationality", ""))}
        speakers[columns[0]] = Speaker(row["set"], {name: label for name, label in labels.items() if label})
    return speakers


def speaker_folders(root: Path, depth: int = MAX_DEPTH) -> list[Path]:
    """Folders named id00000 below `root`, sorted; those below another such folder are skipped."""
    if not root.is_dir():
        raise UserError(f"{root}: no such folder; check the option")
    folders = sorted(Path(entry.path) for entry in os.scandir(root) if entry.is_dir())
    found = [folder for folder in folders if _SPEAKER.fullmatch(folder.name)]
    for folder in folders if depth else ():
        if not _SPEAKER.fullmatch(folder.name):
            found += speaker_folders(folder, depth - 1)
    return found


def _how_to_unpack(root: Path, corpus: str) -> str:
    """Advice about archives that are still packed or missing."""
    packed = sorted([*root.glob(f"vox{corpus[-1]}_*"), *root.glob(f"*/vox{corpus[-1]}_*")])
    for path in packed:
        stem, _, last = path.name.partition("_part")
        if last:
            parts = {part.name[len(stem) + len("_part") :] for part in packed if part.name.startswith(f"{stem}_part")}
            if missing := sorted(ARCHIVE_PARTS.get(stem, parts) - parts):
                return f"fetch the missing {', '.join(f'{stem}_part{name}' for name in missing)}"
            return f"join and unpack in {path.parent}: cat {stem}_part* > {stem}.zip && unzip {stem}.zip"
    archives = [path for path in packed if path.suffix == ".zip"]
    if archives:
        return f"unpack in {archives[0].parent}: " + " && ".join(f"unzip {path.name}" for path in archives)
    return f"give the folder where {corpus} was unpacked"


def _list_utterances(
    corpus: str, speaker: str, folders: Iterable[Path], labels: Mapping[str, str]
) -> Iterator[Utterance]:
    """Utterances of one speaker, without their lengths, sorted by video and utterance."""
    found: dict[tuple[str, str], str] = {}
    for video, name, path in (file for folder in folders for file in _scan(folder)):
        found[video, name] = min(path, found.get((video, name), path), key=_preference)
    shared: dict[str, dict[str, str]] = {}  # one dictionary per video, for the memory of a million utterances
    for (video, name), path in sorted(found.items()):
        yield Utterance(
            id=utterance_id(corpus, speaker, video, name),
            speaker=f"{corpus}-{speaker}",
            path=Path(path),
            num_samples=0,
            language=UNKNOWN_LANGUAGE,
            labels=shared.setdefault(video, {**labels, "video": video}),
        )


def _preference(path: str) -> tuple[int, str]:
    return SUFFIXES.index(os.path.splitext(path)[1].lower()), path


def _scan(speaker: Path) -> Iterator[tuple[str, str, str]]:
    """Video, utterance and path of each file; a video's id may contain '-' and '_', so the fields stay apart."""
    for video in os.scandir(speaker):
        for entry in os.scandir(video.path) if video.is_dir() else ():
            stem, suffix = os.path.splitext(entry.name)
            if suffix.lower() in SUFFIXES and is_visible(entry.name):
                yield video.name, stem, entry.path


def read_voxceleb(corpus: Corpus, options: Options, split: str, data: Path) -> SetContent:
    """Read one part (`dev` or `test`) of a corpus."""
    name, content = corpus.option, corpus.content(options)
    content.utterances = parse_voxceleb(
        getattr(options, name), name, split, content.excluded, options.nj, options.max_left_out
    )
    speakers = {utterance.speaker for utterance in content.utterances}
    found = {"speakers": len(speakers), "utterances": len(content.utterances)}
    content.counts += counted(f"{name} {split}", found, published("VoxCeleb", f"{name} {split}"))
    return content


LICENSE = "CC-BY 4.0 (lists and cuts; the videos remain their owners')"
VOXCELEB1: Corpus = Corpus(
    "voxceleb1",
    "VoxCeleb 1",
    LICENSE,
    "wav/, vox1_meta.csv and the trial lists",
    lambda *arguments: read_voxceleb(VOXCELEB1, *arguments),
    (Option("voxceleb_trials", None, "folder of the trial lists, if they are not in that of VoxCeleb 1"),),
)
VOXCELEB2: Corpus = Corpus(
    "voxceleb2",
    "VoxCeleb 2 dev",
    LICENSE,
    "dev/aac/ and vox2_meta.csv",
    lambda *arguments: read_voxceleb(VOXCELEB2, *arguments),
)
