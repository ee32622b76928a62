"""A tiny MLS, laid out as on disk, with the traps of the real one."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import soundfile

from espnet_ext.corpora.mls import LANGUAGES
from helpers.clips import RATE, Clip

FOLDERS = {code: name for name, code in LANGUAGES.items()}  # ISO 639-3 -> name in the folders


def write_mls(root: Path, clips: Mapping[str, Sequence[Clip]], suffix: str = ".flac") -> dict[str, Clip]:
    """Write `root/mls_<language>[_opus]/<split>/{transcripts.txt,segments.txt,audio/<speaker>/<book>/*}`.

    Traps: padded columns and titles with the separator in metainfo.txt, audio that no transcript lists, and lists of
    limited supervision in folders of two depths.

    Args:
        clips: split -> its clips; speakers are numbers.
        suffix: of the audio: .flac or .opus.

    Returns:
        utterance id -> clip.
    """
    written: dict[str, Clip] = {}
    for split, part in clips.items():
        for language in sorted({clip.language for clip in part}):
            name = f"mls_{FOLDERS[language]}{'' if suffix == '.flac' else '_opus'}"
            folder = root / name / split
            own = [clip for clip in part if clip.language == language]
            book = sorted(FOLDERS).index(language) + 10
            ids = [f"{clip.speaker}_{book}{number}_{number:06d}" for number, clip in enumerate(own)]
            for utterance, clip in zip(ids, own, strict=True):
                speaker, book, _ = utterance.split("_")
                _write_audio(folder / "audio" / speaker / book / f"{utterance}{suffix}", clip.samples)
                written[f"mls-{speaker}-{utterance}"] = clip
            _write_audio(folder / f"audio/9/9/9_9_000000{suffix}", own[0].samples)
            (folder / "transcripts.txt").write_text(
                "".join(f"{utterance}\t{clip.text}\n" for utterance, clip in zip(ids, own, strict=True))
            )
            urls = (f"{utterance}\thttp://example.org/a_64kb.mp3\t401.76\t417.57\n" for utterance in ids)
            (folder / "segments.txt").write_text("".join(urls))
            if split == "train":
                _write_lists(folder / "limited_supervision", ids)
            _write_speakers(root / name / "metainfo.txt", part)
    return written


def _write_audio(path: Path, samples: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    container, subtype = ("OGG", "OPUS") if path.suffix == ".opus" else ("FLAC", "PCM_16")
    soundfile.write(path, samples, RATE, format=container, subtype=subtype)


def _write_lists(folder: Path, ids: Sequence[str]) -> None:
    """The first utterance is one of the hour, the second of the nine others."""
    for name, listed in {"1hr/0": ids[:1], "1hr/5": ids[:1], "9hr": ids[1:2]}.items():
        (folder / name).mkdir(parents=True)
        (folder / name / "handles.txt").write_text("".join(f"{utterance}\n" for utterance in listed))


def _write_speakers(path: Path, clips: Sequence[Clip]) -> None:
    rows = [" SPEAKER   |   GENDER   | PARTITION  |  MINUTES   |  BOOK ID   |   TITLE   |  CHAPTER "]
    for number, speaker in enumerate(sorted({clip.speaker for clip in clips})):
        rows.append(
            f"  {speaker}    |     {'FM'[number % 2]}      |   train   |   1.782    |   10203  |  Verses | A | B "
        )
    with path.open("a") as file:
        file.write("\n".join(rows) + "\n")
