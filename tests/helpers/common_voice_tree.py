"""A tiny Common Voice, laid out as on disk, with the traps of the real one."""

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path

from helpers.clips import RATE, Clip, write_audio

FOLDERS = {"eng": "en", "spa": "es", "fra": "fr", "ita": "it", "rus": "ru", "cmn": "zh-CN", "swe": "sv-SE", "tha": "th"}
OLD_COLUMNS = ("client_id", "path", "sentence", "up_votes", "down_votes", "age", "gender", "accent")
NEW_COLUMNS = (
    "client_id", "path", "sentence_id", "sentence", "sentence_domain", "up_votes", "down_votes", "age", "gender",
    "accents", "variant", "locale", "segment",
)  # fmt: skip
GENDERS = {"old": ("male", "female", "other", ""), "new": ("male_masculine", "female_feminine", "", "non-binary")}


def client_id(speaker: str) -> str:
    return hashlib.sha512(speaker.encode()).hexdigest()


def write_common_voice(
    release: Path, clips: Mapping[str, Sequence[Clip]], columns: str = "new", durations: bool = True
) -> dict[str, Clip]:
    """Write `release/<lang>/{train,dev,...}.tsv` and `release/<lang>/clips/*.mp3`.

    Traps: quotes that are never closed, rows shorter than the header, columns that moved and were renamed.

    Args:
        clips: split -> its clips.
        columns: "old" or "new" releases'.
        durations: whether the release has clip_durations.tsv.

    Returns:
        clip name (without suffix) -> clip.
    """
    header = NEW_COLUMNS if columns == "new" else OLD_COLUMNS
    written: dict[str, Clip] = {}
    milliseconds: dict[str, list[str]] = {}
    for split, part in clips.items():
        for language in sorted({clip.language for clip in part}):
            folder = release / FOLDERS[language]
            lines = ["\t".join(header)]
            for order, clip in enumerate(clip for clip in part if clip.language == language):
                name = f"common_voice_{FOLDERS[language]}_{1000 + len(written)}"
                written[name] = clip
                write_audio(folder / "clips" / f"{name}.mp3", clip.samples)
                duration_ms = round(1000 * len(clip.samples) / RATE)
                milliseconds.setdefault(FOLDERS[language], []).append(f"{name}.mp3\t{duration_ms}")
                lines.append(_row(header, columns, order, name, clip))
            (folder / f"{split}.tsv").write_text("\n".join(lines) + "\n", encoding="utf-8", newline="")
    for language, lines in milliseconds.items() if durations else ():
        table = "\n".join(["clip\tduration[ms]", *lines]) + "\n"
        (release / language / "clip_durations.tsv").write_text(table, encoding="utf-8")
    return written


def _row(header: Sequence[str], columns: str, order: int, name: str, clip: Clip) -> str:
    values = {
        "client_id": client_id(clip.speaker),
        "path": f"{name}.mp3",
        "sentence_id": hashlib.sha1(clip.sentence.encode()).hexdigest(),
        "sentence": f'"{clip.text}' if order == 0 else clip.text,
        "up_votes": "2",
        "down_votes": "0",
        "age": ("twenties", "")[order % 2],
        "gender": GENDERS[columns][order % 4],
        "accent": "us",
        "accents": "United States English,Midwestern",
        "locale": FOLDERS[clip.language],
    }
    row = [values.get(column, "") for column in header]
    # Some rows end after the last known value.
    return "\t".join(row[: header.index("down_votes") + 1] if order == 1 else row)
