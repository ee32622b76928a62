"""Multilingual LibriSpeech: read audiobooks in 8 languages (Pratap et al., 2020, arXiv 2012.03411; CC-BY 4.0)."""

import re
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path

from espnet_ext.corpora.corpus import Corpus, Option, Options, SetContent, add_parts, choose_parts, unknown_words
from espnet_ext.corpora.lengths import MAX_LEFT_OUT, with_lengths
from espnet_ext.corpora.tables import plain_text, read_rows
from espnet_ext.kaldi.excluded import Exclusions
from espnet_ext.kaldi.utterances import Utterance
from espnet_ext.utils.errors import UserError

LANGUAGES = {
    "dutch": "nld", "english": "eng", "french": "fra", "german": "deu",
    "italian": "ita", "polish": "pol", "portuguese": "por", "spanish": "spa",
}  # fmt: skip
_NAME = re.compile(r"\d+_\d+_\d+")
GENDERS = {"F": "female", "M": "male"}
# Subsets of `train` (limited supervision) -> lists of their utterances.
SUBSETS = {
    "all": (),
    "10h": ("9hr/handles.txt", "1hr/*/handles.txt"),
    "1h": ("1hr/*/handles.txt",),
}


def parse_mls(
    root: Path,
    split: str,
    language: str,
    excluded: Exclusions,
    nj: int,
    max_left_out: float = MAX_LEFT_OUT,
    subset: str = "all",
) -> list[Utterance]:
    """Read one split of one language. A reader of LibriVox has the same number in all languages.

    Args:
        root: contains `mls_<language>` (flac) or `mls_<language>_opus`.
        split: train, dev or test.
        language: of LANGUAGES.
        excluded: takes utterances without audio, and those listed twice.
        nj: number of processes.
        max_left_out: largest share of the utterances that may have no audio.
        subset: of `train`: all, 10h or 1h.

    Raises:
        UserError: naming an absent file or a malformed line, or if too many utterances have no audio.
    """
    folder = language_folder(root, language) / split
    kept = _read_subset(folder, subset) if split == "train" else None
    genders = _read_genders(folder.parent / "metainfo.txt")
    found: dict[str, Utterance] = {}
    for name, text in _read_transcripts(folder / "transcripts.txt"):
        if kept is not None and name not in kept:
            continue
        utterance = _utterance(folder, name, text, LANGUAGES[language], genders)
        if utterance.id in found:
            excluded.add(utterance.id, utterance.path, "listed twice")
        found.setdefault(utterance.id, utterance)
    label = f"MLS {language} {split}: headers"
    return with_lengths(list(found.values()), excluded, nj, label, folder, max_left_out)


def _read_transcripts(path: Path) -> Iterator[tuple[str, str]]:
    """`speaker_book_index` and text of each line."""
    for number, (name, *text) in read_rows(path):
        if len(text) != 1 or not _NAME.fullmatch(name):
            raise UserError(
                f"{path}:{number}: expected `speaker_book_index<tab>text`, found {name!r}; fetch the file again"
            )
        yield name, plain_text(text[0])


def _utterance(folder: Path, name: str, text: str, language: str, genders: Mapping[str, str]) -> Utterance:
    speaker, book, _ = name.split("_")
    flac = folder / "audio" / speaker / book / f"{name}.flac"
    opus = flac.with_suffix(".opus")
    return Utterance(
        id=f"mls-{speaker}-{name}",
        speaker=f"mls-{speaker}",
        path=opus if opus.is_file() and not flac.is_file() else flac,
        num_samples=0,
        language=language,
        text=text or None,
        labels={"gender": genders[speaker]} if speaker in genders else {},
    )


def language_folder(root: Path, language: str) -> Path:
    """The folder of the flac files of a language if it exists, else that of the opus files."""
    flac = root / f"mls_{language}"
    return flac if flac.is_dir() else root / f"mls_{language}_opus"


def _read_subset(folder: Path, subset: str) -> set[str] | None:
    """Names of the utterances of a subset; None = all."""
    if subset == "all":
        return None
    lists = [sorted((folder / "limited_supervision").glob(pattern)) for pattern in SUBSETS[subset]]
    if not all(lists):
        raise UserError(f"{folder / 'limited_supervision'}: no lists of {subset}; unpack the whole corpus")
    return {row[0].strip() for paths in lists for path in paths for _, row in read_rows(path)}


def _read_genders(path: Path) -> dict[str, str]:
    """Speaker -> gender, of lines `SPEAKER | GENDER | ...`; {} without the file."""
    rows = [[field.strip() for field in row] for _, row in read_rows(path, "|")] if path.is_file() else []
    return {row[0]: GENDERS[row[1]] for row in rows if len(row) > 1 and row[1] in GENDERS}


def read_mls(options: Options, split: str, data: Path) -> SetContent:
    """Read a split of the chosen languages."""
    root, content = options.mls, CORPUS.content(options)

    def transcripts(language: str) -> Path:
        return language_folder(root, language) / split / "transcripts.txt"

    present = [language for language in LANGUAGES if transcripts(language).is_file()]
    if not present:
        raise UserError(f"{root}: not MLS: no mls_<language>/{split}/transcripts.txt; check the option")
    languages = choose_parts(content, split, options, options.mls_languages, present, LANGUAGES, transcripts)
    parse = partial(parse_mls, root, split, subset=options.mls_subset)
    is_subset = split == "train" and options.mls_subset != "all"
    name = f"{split} {options.mls_subset}" if is_subset else split
    add_parts(content, name, "utterances", languages, parse, options)
    return content


OPTIONS = (
    Option(
        "mls_languages",
        (),
        'MLS languages, e.g. "german french"; all on disk if empty',
        problem=unknown_words("MLS", lambda: LANGUAGES),
    ),
    Option("mls_subset", "all", "part of the training split of MLS: all, 10h or 1h", choices=tuple(SUBSETS)),
)
CORPUS = Corpus("mls", "MLS", "CC-BY 4.0", "mls_<language>/ or mls_<language>_opus/", read_mls, OPTIONS)
