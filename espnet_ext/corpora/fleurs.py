"""FLEURS: the sentences of FLoRes read aloud in 102 languages (Conneau et al., 2022, arXiv 2205.12446; CC-BY 4.0)."""

from collections.abc import Iterable, Sequence
from functools import partial
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from espnet_ext.corpora.corpus import Corpus, Option, Options, SetContent, unknown_words
from espnet_ext.corpora.fleurs_archive import collect_audio, find_audio
from espnet_ext.corpora.labels import iso639_3
from espnet_ext.corpora.lengths import MAX_LEFT_OUT, check_lost, header_length, incomplete, listed
from espnet_ext.corpora.published import Count, counted, published, unknown_counts
from espnet_ext.corpora.tables import plain_text, read_rows
from espnet_ext.kaldi.excluded import Exclusions
from espnet_ext.kaldi.utterances import Utterance
from espnet_ext.utils.errors import UserError
from espnet_ext.utils.pool import process_pool
from espnet_ext.utils.progress import audio_progress

# Split -> names of its files; hub exports use "validation".
SPLITS = {"train": ("train",), "dev": ("dev", "validation"), "test": ("test",)}
NUM_COLUMNS = 7


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

    Speakers are unknown, so each utterance has a separate speaker. `text` is the raw transcription (cased, with
    punctuation). Short clips are kept: stage 2 applies the limits of duration.

    Args:
        root: contains <lang>/<split>.tsv, or a folder `data` with it.
        split: of SPLITS.
        audio_folder: archives are unpacked to `<lang>/<split>` here; a killed run resumes.
        excluded: takes rows without audio, and files of an archive that the table does not list.
        nj: number of processes.
        max_left_out: largest share of a language's rows that may lack audio.

    Raises:
        UserError: naming a table or archive that is absent or broken, the line of a bad row, or a table
            whose missing audio exceeds `max_left_out`.
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
    """Language -> missing part of its split: its folder, its table or its audio."""
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
    excluded = Exclusions()
    check_lost(lost, len(rows), max_left_out, table, excluded)
    for name in audio.unlisted:
        excluded.add(_utterance_id(language, name), source / name, "not in the table")
    return list(utterances.values()), excluded


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


def count_fleurs(split: str, utterances: Sequence[Utterance], languages: Iterable[str]) -> list[Count]:
    """Compare the sentences of a split of all languages, and recordings and sentences of the known test sets."""
    numbers, languages = published("FLEURS"), set(languages)
    counts = []
    if languages == set(numbers["languages"]):
        sentences = {utterance.sentence for utterance in utterances}
        counts += counted(f"FLEURS {split}", {"sentences": len(sentences)}, {"sentences": numbers["sentences"][split]})
    for language in sorted(languages & set(numbers["test"])) if split == "test" else ():
        own = [u.sentence for u in utterances if u.id.startswith(f"fleurs-{language}-")]
        found = {"recordings": len(own), "sentences": len(set(own))}
        counts += counted(f"FLEURS {language} test", found, numbers["test"][language])
    return counts


def read_fleurs(options: Options, split: str, data: Path) -> SetContent:
    """Read a split of the chosen languages; archives are unpacked to `data/fleurs_audio`."""
    chosen = options.languages or tuple(published("FLEURS", "languages"))
    missing = {name: missing_parts(options.fleurs, chosen, name) for name in SPLITS}
    paths = sorted({path for parts in missing.values() for path in parts.values()})
    if paths and not options.allow_incomplete:
        raise incomplete([f"FLEURS lacks {listed(paths)}"])
    content = CORPUS.content(options)
    content.notes += [f"FLEURS {split} of {name} is not there: {path}" for name, path in missing[split].items()]
    languages = [language for language in chosen if language not in missing[split]]
    content.utterances = parse_fleurs(
        options.fleurs, split, languages, data / "fleurs_audio", content.excluded, options.nj, options.max_left_out
    )
    content.counts += count_fleurs(split, content.utterances, chosen)
    known = published("FLEURS", "test") if split == "test" else {}
    content.notes += unknown_counts(f"FLEURS {split} recordings", languages, known)
    return content


LANGUAGES = Option(
    "languages",
    (),
    'FLEURS languages, e.g. "en_us fr_fr"; all 102 if empty',
    problem=unknown_words("FLEURS", lambda: published("FLEURS", "languages")),
)
LAYOUT = "data/<lang>/{train,dev,test}.tsv and audio/*.tar.gz"
CORPUS = Corpus("fleurs", "FLEURS", "CC-BY 4.0", LAYOUT, read_fleurs, (LANGUAGES,))
