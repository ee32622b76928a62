"""What VoxPopuli's tables say of its segments, and where each one's audio is."""

from ast import literal_eval
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from espnet_ext.audio.waveform import Spans
from espnet_ext.data.corpora.tables import plain_text
from espnet_ext.data.corpora.voxpopuli_tables import read_table
from espnet_ext.utils.errors import UserError

SPLITS = ("train", "dev", "test")
LANGUAGES = ("cs", "de", "en", "es", "et", "fi", "fr", "hr", "hu", "it", "lt", "nl", "pl", "ro", "sk", "sl")
UNKNOWN = ("", "None", "nan", "n/a")


class VoxPopuliSegment(NamedTuple):
    """One utterance as the tables have it.

    Attributes:
        id: `<session>-<language>_<date>-<time>_<number>`, unique in the corpus.
        speaker, text, gender, accent: "" when not known. The same number recurs in other languages.
        recording: the session's audio, or "" where `path` is the utterance alone.
        spans: (start, end) in seconds that are concatenated; () = all of `path`.
    """

    id: str
    path: Path
    recording: str = ""
    spans: Spans = ()
    split: str = ""
    text: str = ""
    speaker: str = ""
    gender: str = ""
    accent: str = ""


def present_languages(root: Path) -> list[str]:
    """VoxPopuli's codes of the languages of which there is a table.

    Raises:
        UserError: there is none.
    """
    found = [language for language in LANGUAGES if find_annotations(root, language) or _manifests(root, language)]
    if not found:
        raise UserError(f"{root}: not VoxPopuli: no asr_<language>.tsv.gz, no transcribed_data/<language>/asr_*.tsv")
    return found


def find_annotations(root: Path, language: str) -> Path | None:
    """`asr_<language>.tsv.gz`, where the corpus's own script puts it or beside it; None when absent."""
    name = f"asr_{language}.tsv.gz"
    for folder in (root / "transcribed_data" / language, root / "annotations" / "asr", root):
        if (folder / name).is_file():
            return folder / name
    return None


def _manifests(root: Path, language: str) -> list[Path]:
    paths = [root / "transcribed_data" / language / f"asr_{split}.tsv" for split in SPLITS]
    return [path for path in paths if path.is_file()]


def read_segments_of(root: Path, language: str) -> dict[str, VoxPopuliSegment]:
    """id -> segment, of all splits of a language.

    Sessions (`raw_audios`) are preferred to files that were cut from them, and so encoded twice.

    Raises:
        UserError: neither layout is there, or a table is malformed or lists a segment twice.
    """
    annotations = find_annotations(root, language)
    if annotations and (root / "raw_audios" / "original").is_dir():
        segments = _read_annotations(root, annotations)
    elif manifests := _manifests(root, language):
        segments = [segment for path in manifests for segment in _read_manifest(path)]
    else:
        raise UserError(
            f"{root}: no VoxPopuli audio of language {language!r}: expected asr_{language}.tsv.gz with "
            f"raw_audios/original/, or transcribed_data/{language}/asr_<split>.tsv with the files it lists"
        )
    by_id: dict[str, VoxPopuliSegment] = {}
    for segment in segments:
        if segment.id in by_id:
            raise UserError(f"{root}: VoxPopuli's tables of language {language!r} list segment {segment.id!r} twice")
        by_id[segment.id] = segment
    return by_id


def _read_annotations(root: Path, path: Path) -> Iterable[VoxPopuliSegment]:
    columns = ("id_", "session_id", "speaker_id", "original_text", "normed_text", "vad", "split", "gender")
    for where, row in read_table(path, "|", columns):
        session = row["session_id"]
        recording = f"{session}_original"
        yield VoxPopuliSegment(
            f"{session}-{row['id_']}",
            root / "raw_audios" / "original" / session[:4] / f"{recording}.ogg",
            recording,
            _read_vad(row["vad"], where) if row["split"] in SPLITS else (),
            row["split"],
            plain_text(row["original_text"]) or plain_text(row["normed_text"]),
            known(row["speaker_id"]),
            known(row["gender"]),
            known(row.get("accent", "")),
        )


def _read_manifest(path: Path) -> Iterable[VoxPopuliSegment]:
    for _, row in read_table(path, "\t", ("id", "raw_text", "normalized_text", "speaker_id", "split", "gender")):
        yield VoxPopuliSegment(
            row["id"],
            path.parent / row["id"][:4] / f"{row['id']}.ogg",
            split=row["split"],
            text=plain_text(row["raw_text"]) or plain_text(row["normalized_text"]),
            speaker=known(row["speaker_id"]),
            gender=known(row["gender"]),
            accent=known(row.get("accent", "")),
        )


def known(value: str) -> str:
    """The value without white space around it, "" where it says that there is none."""
    return "" if value.strip() in UNKNOWN else value.strip()


def _read_vad(value: str, where: str) -> Spans:
    """Spans of `[[start, end], ...]`; empty ones are dropped."""
    try:
        spans = tuple((float(span[0]), float(span[1])) for span in literal_eval(value))
    except (ValueError, SyntaxError, TypeError, IndexError) as error:
        raise UserError(f"{where}: vad {value[:80]!r} is no list of [start, end]") from error
    return tuple((start, end) for start, end in spans if start < end)
