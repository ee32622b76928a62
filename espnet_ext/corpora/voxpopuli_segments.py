"""Segments of VoxPopuli: its tables, and the audio of each segment."""

from ast import literal_eval
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from espnet_ext.audio.waveform import Spans
from espnet_ext.corpora.labels import iso639_3
from espnet_ext.corpora.published import published
from espnet_ext.corpora.tables import plain_text, read_table
from espnet_ext.kaldi.utterances import Utterance
from espnet_ext.utils.errors import UserError

SPLITS = ("train", "dev", "test")
UNKNOWN = ("", "None", "nan", "n/a")


def present_languages(root: Path) -> list[str]:
    """VoxPopuli's codes of the languages that have a table.

    Raises:
        UserError: none has.
    """
    languages = published("VoxPopuli", "languages")
    found = [language for language in languages if find_annotations(root, language) or _manifests(root, language)]
    if not found:
        raise UserError(f"{root}: not VoxPopuli: no asr_<language>.tsv.gz, no transcribed_data/<language>/asr_*.tsv")
    return found


def find_annotations(root: Path, language: str) -> Path | None:
    """`asr_<language>.tsv.gz`, in one of the folders where the corpus's scripts put it; None if absent."""
    name = f"asr_{language}.tsv.gz"
    for folder in (root / "transcribed_data" / language, root / "annotations" / "asr", root):
        if (folder / name).is_file():
            return folder / name
    return None


def _manifests(root: Path, language: str) -> list[Path]:
    paths = [root / "transcribed_data" / language / f"asr_{split}.tsv" for split in SPLITS]
    return [path for path in paths if path.is_file()]


def read_segments_of(root: Path, language: str) -> dict[str, tuple[str, Utterance]]:
    """Segment -> split and utterance (without its length), of all splits of a language.

    Sessions (`raw_audios`) are preferred to files that were cut from them, and so encoded twice.

    Raises:
        UserError: neither layout exists, or a table is malformed or lists a segment twice.
    """
    annotations = find_annotations(root, language)
    if annotations and (root / "raw_audios" / "original").is_dir():
        segments: Iterable[tuple[str, str, Utterance]] = _read_annotations(root, annotations, iso639_3(language))
    elif manifests := _manifests(root, language):
        segments = [segment for path in manifests for segment in _read_manifest(path, iso639_3(language))]
    else:
        raise UserError(
            f"{root}: no VoxPopuli audio of language {language!r}: expected asr_{language}.tsv.gz with "
            f"raw_audios/original/, or transcribed_data/{language}/asr_<split>.tsv with the files it lists"
        )
    by_id: dict[str, tuple[str, Utterance]] = {}
    for name, split, utterance in segments:
        if name in by_id:
            raise UserError(f"{root}: VoxPopuli's tables of language {language!r} list segment {name!r} twice")
        by_id[name] = split, utterance
    return by_id


def _read_annotations(root: Path, path: Path, language: str) -> Iterator[tuple[str, str, Utterance]]:
    columns = ("id_", "session_id", "speaker_id", "original_text", "normed_text", "vad", "split", "gender")
    for where, row in read_table(path, "|", columns, quoted=True):
        session = row["session_id"]
        name, recording = f"{session}-{row['id_']}", f"{session}_original"
        audio = root / "raw_audios" / "original" / session[:4] / f"{recording}.ogg"
        text = plain_text(row["original_text"]) or plain_text(row["normed_text"])
        spans = _read_vad(row["vad"], where) if row["split"] in SPLITS else ()
        yield name, row["split"], make_utterance(name, language, audio, text, row, recording, spans)


def _read_manifest(path: Path, language: str) -> Iterator[tuple[str, str, Utterance]]:
    columns = ("id", "raw_text", "normalized_text", "speaker_id", "split", "gender")
    for _, row in read_table(path, "\t", columns, quoted=True):
        name = row["id"]
        text = plain_text(row["raw_text"]) or plain_text(row["normalized_text"])
        yield name, row["split"], make_utterance(name, language, path.parent / name[:4] / f"{name}.ogg", text, row)


def make_utterance(
    segment: str,
    language: str,
    path: Path,
    text: str,
    row: Mapping[str, str],
    recording: str = "",
    spans: Spans = (),
) -> Utterance:
    """An utterance, without its length.

    Args:
        segment: `<session>-<language>_<date>-<time>_<number>`, unique in the corpus.
        language: ISO 639-3. Speaker numbers are not unique across languages, so they are kept separate.
        row: columns of the table: speaker, gender and accent, where they are known.
        recording: the session in `path`, or "" if `path` contains only this utterance.
    """
    speaker, gender, accent = (_known(row.get(column, "")) for column in ("speaker_id", "gender", "accent"))
    name = f"voxpopuli-{language}-{speaker}-{segment}" if speaker else f"voxpopuli-{segment}"
    labels = {"gender": gender.lower(), "accent": accent}
    return Utterance(
        name,
        f"voxpopuli-{language}-{speaker}" if speaker else name,
        path,
        0,
        language,
        text=text or None,
        recording=f"voxpopuli-{recording}" if recording else None,
        spans=spans,
        labels={attribute: label for attribute, label in labels.items() if label},
    )


def _known(value: str) -> str:
    """The value without white space around it; "" for the spellings of an unknown value."""
    return "" if value.strip() in UNKNOWN else value.strip()


def _read_vad(value: str, where: str) -> Spans:
    """Spans of `[[start, end], ...]`; empty ones are dropped."""
    try:
        spans = tuple((float(span[0]), float(span[1])) for span in literal_eval(value))
    except (ValueError, SyntaxError, TypeError, IndexError) as error:
        raise UserError(f"{where}: vad {value[:80]!r} is not a list of [start, end]") from error
    return tuple((start, end) for start, end in spans if start < end)
