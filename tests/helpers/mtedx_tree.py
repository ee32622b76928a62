"""A tiny mTEDx, laid out as on disk, with the traps of the real one."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import langcodes
import numpy as np

from helpers.clips import RATE, Clip, write_audio

MILLISECOND = RATE // 1000  # to which the list's times are rounded
PAUSE = np.zeros(RATE // 4, np.float32)


def write_mtedx(
    root: Path, clips: Mapping[str, Sequence[Clip]], translations: Mapping[str, str], target: str = "eng"
) -> dict[str, Clip]:
    """Write `<source>-<target>/data/<split>/{wav,txt,vtt}` for each language of the clips.

    Every speaker gives one talk per language and has the name of the talk, as in the real corpus. Traps: the list
    names .wav files while the disk has .flac, talks are in stereo, segments are listed out of order, the last one ends
    just after its talk, texts hold odd Unicode line ends.

    Args:
        clips: split (train, valid, test) -> its clips.
        translations: sentence -> its translation.
        target: their language, ISO 639-3.

    Returns:
        utterance id -> clip.
    """
    written: dict[str, Clip] = {}
    for split, part in clips.items():
        for language in sorted({clip.language for clip in part}):
            pair = f"{langcodes.standardize_tag(language)}-{langcodes.standardize_tag(target)}"
            folder = root / pair / "data" / split
            (folder / "vtt").mkdir(parents=True)
            spoken = [clip for clip in part if clip.language == language]
            segments: list[tuple[str, float, float, Clip]] = []
            for speaker in sorted({clip.speaker for clip in spoken}):
                talk = f"{speaker}_{pair.partition('-')[0]}"
                segments += _write_talk(folder / "wav", talk, [clip for clip in spoken if clip.speaker == speaker])
            _write_lists(folder / "txt", split, pair, segments[::-1], translations)
            for talk, start, end, clip in segments:
                written[f"mtedx-{talk}-{round(1000 * start):07d}-{round(1000 * end):07d}"] = clip
    return written


def _write_talk(folder: Path, talk: str, clips: Sequence[Clip]) -> list[tuple[str, float, float, Clip]]:
    """One talk in stereo, and for each clip the talk and the clip's times in seconds."""
    pieces: list[np.ndarray] = []
    segments = []
    position = 0
    for clip in clips:
        pieces += [PAUSE, clip.samples, np.zeros(-len(clip.samples) % MILLISECOND, np.float32)]
        start = position + len(PAUSE)
        position += sum(map(len, pieces[-3:]))
        segments.append((talk, start / RATE, position / RATE, clip))
    talk, start, end, clip = segments[-1]
    segments[-1] = (talk, start, end + 0.02, clip)
    samples = np.concatenate(pieces)
    write_audio(folder / f"{talk}.flac", np.stack([samples, samples], axis=1))
    return segments


def _write_lists(
    folder: Path,
    split: str,
    pair: str,
    segments: Sequence[tuple[str, float, float, Clip]],
    translations: Mapping[str, str],
) -> None:
    folder.mkdir(parents=True)
    source, _, target = pair.partition("-")
    items, texts, translated = [], [], []
    for talk, start, end, clip in segments:
        times = f"duration: {end - start:.6f}, offset: {start:.6f}"
        items.append(f"- {{{times}, rW: 3, speaker_id: {talk}, uW: 0, wav: {talk}.wav}}\n")
        texts.append(clip.text.replace(" ", "\u2028", 1) + "\n")
        translated.append(translations[clip.sentence] + "\n")
    (folder / f"{split}.yaml").write_text("".join(items), encoding="utf-8")
    (folder / f"{split}.{source}").write_text("".join(texts), encoding="utf-8")
    (folder / f"{split}.{target}").write_text("".join(translated), encoding="utf-8")
