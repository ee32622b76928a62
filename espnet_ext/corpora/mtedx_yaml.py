"""Lists of segments of mTEDx: YAML of up to 100,000 small mappings."""

from pathlib import Path
from typing import NamedTuple

import yaml

from espnet_ext.utils.errors import UserError


class TalkSegment(NamedTuple):
    """An item of the list: `talk` is the audio file's name without suffix; times in seconds."""

    talk: str
    speaker: str
    start_s: float
    duration_s: float


def read_talk_segments(path: Path) -> list[TalkSegment]:
    """Read `<split>.yaml`, in its order.

    Raises:
        UserError: the file is absent or no YAML (with the line), an item lacks a key or a time is no
            number (with the item's number from 1).
    """
    if not path.is_file():
        raise UserError(f"{path}: no such list of segments; unpack the corpus again")
    try:
        # All scalars stay text: talks and speakers may be named 1e5 or no.
        items = yaml.load(path.read_text(encoding="utf-8"), Loader=yaml.CBaseLoader)
    except UnicodeDecodeError as error:
        raise UserError(f"{path}: not UTF-8 ({error.reason}); unpack the corpus again") from error
    except yaml.YAMLError as error:
        raise UserError(f"{path}: no YAML: {' '.join(str(error).split())}") from error
    if not isinstance(items, list):
        raise UserError(f"{path}: expected a list of segments; unpack the corpus again")
    return [_segment(item, f"{path}: item {number}") for number, item in enumerate(items, 1)]


def _segment(item: object, where: str) -> TalkSegment:
    if not isinstance(item, dict):
        raise UserError(f"{where}: {item!r}, expected wav, speaker_id, offset and duration")
    for key in ("wav", "speaker_id", "offset", "duration"):
        if not isinstance(item.get(key), str):
            raise UserError(f"{where}: no {key!r} in {item}")
    try:
        start, duration = float(item["offset"]), float(item["duration"])
    except ValueError as error:
        raise UserError(f"{where}: offset {item['offset']!r}, duration {item['duration']!r}: not numbers") from error
    return TalkSegment(Path(item["wav"]).stem, "_".join(item["speaker_id"].split()), start, duration)
