"""FLEURS: the sentences of FLoRes read aloud in 102 languages (Conneau et al., 2022, arXiv 2205.12446; CC-BY 4.0)."""

from collections.abc import Collection, Iterable
from functools import partial
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from espnet_ext.data.corpora.fleurs_archive import collect_audio, find_audio
from espnet_ext.data.corpora.incomplete import check_lost
from espnet_ext.data.corpora.languages import iso639_3
from espnet_ext.data.corpora.lengths import header_length
from espnet_ext.data.corpora.tables import plain_text, read_rows
from espnet_ext.data.pool import process_pool
from espnet_ext.kaldi.excluded import Exclusions
from espnet_ext.kaldi.utterances import Utterance
from espnet_ext.utils.errors import UserError
from espnet_ext.utils.progress import audio_progress

# Set -> the names that its files go by; hub exports say "validation".
SPLITS = {"train": ("train",), "dev": ("dev", "validation"), "test": ("test",)}
NUM_COLUMNS = 7
# A table that lost more than this share of its rows is not the one that was published.
MAX_LEFT_OUT = 0.01


class Row(NamedTuple):
    """A recording: `sentence` is the id of a FLoRes sentence, the same in every language."""

    sentence: str
    file_name: str
    text: str
    gender: str


def parse_fleurs(
    root: Path,
    split: str,
    languages: Iterable[str],
    audio_folder: Path,
    excluded: Exclusions,
    nj: int,
    max_left_out: float = MAX_LEFT_OUT,
) -> list[Utterance]:
    """Read one split of some languages.

    Speakers are not known, so each utterance is its own. `text` is the raw transcription (cased, with
    punctuation). Short clips stay: limits of duration are stage 2's.

    Args:
        root: holds <lang>/<split>.tsv, or a folder `data` that does.
        split: of SPLITS.
        audio_folder: archives are unpacked to `<lang>/<split>` here; a run that was killed goes on.
        excluded: takes rows without audio, and files of an archive that the table does not list.
        nj: processes.
        max_left_out: largest share of a language's rows that may lack audio.

    Raises:
        UserError: naming a table or archive that is absent or broken, the line of a bad row, or a table
            of which more than `max_left_out` is lost.
    """
    languages = sorted(languages)
    utterances: list[Utterance] = []
    label = f"FLEURS {split}: audio and headers"
    with process_pool(nj, __name__) as executor, audio_progress(label, len(languages), "languages") as advance:
        parse = partial(_parse_language, corpus_folder(root), split, audio_folder, max_left_out)
        for parsed, lost in executor.map(parse, languages):
            utterances += parsed
            excluded.entries += lost.entries
            advance(1)
    return utterances


def corpus_folder(root: Path) -> Path:
    """The folder of the languages' folders."""
    return root / "data" if (root / "data").is_dir() else root


def missing_parts(root: Path, languages: Iterable[str], split: str) -> dict[str, str]:
    """Language -> what of its split is not there: its folder, its table or its audio."""
    missing = {}
    for language in languages:
        folder = corpus_folder(root) / language
        if not folder.is_dir():
            missing[language] = str(folder)
        elif not _table(folder, split).is_file():
            missing[language] = str(_table(folder, split))
        elif find_audio(folder, SPLITS[split]) is None:
            missing[language] = str(folder / "audio" / f"{split}.tar.gz")
    return missing


def _table(folder: Path, split: str) -> Path:
    tables = [folder / f"{name}.tsv" for name in SPLITS[split]]
    return next((table for table in tables if table.is_file()), tables[0])


def read_table(path: Path) -> list[Row]:
    """Rows of a table of 7 columns without header.

    Raises:
        UserError: naming the line of a row with other columns.
    """
    rows = []
    for number, columns in read_rows(path):
        if len(columns) != NUM_COLUMNS or not columns[0].isdecimal():
            raise UserError(
                f"{path}:{number}: expected {NUM_COLUMNS} columns, the first a sentence's number, found "
                f"{len(columns)} that start with {columns[0]!r}; fetch the table again"
            )
        sentence, file_name, raw_text, text, _, _, gender = columns
        name = PurePosixPath(file_name).name
        rows.append(Row(sentence, name, plain_text(raw_text) or plain_text(text), gender.strip().lower()))
    return rows


def _parse_language(
    folder: Path, split: str, audio_folder: Path, max_left_out: float, language: str
) -> tuple[list[Utterance], Exclusions]:
    table = _table(folder / language, split)
    rows = read_table(table)
    source = find_audio(folder / language, SPLITS[split])
    if source is None:
        raise UserError(f"{folder / language / 'audio'}: neither {split}.tar.gz nor {split}/; fetch the archive")
    audio = collect_audio(source, {row.file_name for row in rows}, audio_folder / language / split)
    lost = Exclusions()
    utterances: dict[str, Utterance] = {}
    for row in rows:
        name = _utterance_id(language, row.file_name)
        if row.file_name not in audio.files:
            lost.add(name, source / row.file_name, "no audio in the archive")
        elif name in utterances:
            lost.add(name, table, "listed twice")
        elif (length := header_length(audio.files[row.file_name])).fault:
            lost.add(name, audio.files[row.file_name], length.fault)
        else:
            utterances[name] = _utterance(name, row, audio.files[row.file_name], length.num_samples, language)
    check_lost(lost, len(rows), max_left_out, table)
    _note_unlisted(lost, audio.unlisted, source, language)
    return list(utterances.values()), lost


def _utterance(name: str, row: Row, path: Path, num_samples: int, language: str) -> Utterance:
    return Utterance(
        id=name,
        speaker=name,
        path=path,
        num_samples=num_samples,
        language=iso639_3(language),
        text=row.text or None,
        sentence=f"fleurs-{row.sentence}",
        labels={"gender": row.gender} if row.gender else {},
    )


def _utterance_id(language: str, file_name: str) -> str:
    return f"fleurs-{language}-{PurePosixPath(file_name).stem}"


def _note_unlisted(lost: Exclusions, names: Collection[str], source: Path, language: str) -> None:
    for name in names:
        lost.add(_utterance_id(language, name), source / name, "not in the table")
