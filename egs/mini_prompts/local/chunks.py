"""Chunks of a few seconds made of several short clips of one voice."""

import hashlib
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from espnet_ext.audio import RATE
from espnet_ext.audio.waveform import read_audio, resample, write_flac
from espnet_ext.kaldi.excluded import Exclusions
from espnet_ext.kaldi.scp import read_scp, write_scp
from espnet_ext.utils.atomic import atomic_folder

MIN_CHUNK_S, MAX_CHUNK_S = 2.0, 5.0
# A chunk closes once it lasts this long; the values take turns, so that lengths vary.
TARGETS_S = (2.0, 3.0, 4.0)
GAP_S = 0.1
SILENCE_PEAK = 0.01  # a clip that never gets louder than -40 dBFS holds no speech
# Recordings of single letters carry seconds of room noise: what is softer than this share of the
# clip's peak at its ends is cut, but for a margin.
TRIM_SHARE, TRIM_WINDOW_S, TRIM_MARGIN_S = 0.02, 0.01, 0.05


def trim_silence(samples: np.ndarray) -> np.ndarray:
    """Cut the quiet ends of a clip.

    Args:
        samples: float32 (samples,) at 16 kHz, not all zero.

    Returns:
        a view from the first to the last window of 10 ms that reaches 2 % of the peak, and 50 ms
        to either side.
    """
    window, margin = int(TRIM_WINDOW_S * RATE), int(TRIM_MARGIN_S * RATE)
    level = np.abs(samples)
    starts = np.arange(0, len(level), window)
    loud = np.flatnonzero(np.maximum.reduceat(level, starts) >= TRIM_SHARE * level.max())
    return samples[max(starts[loud[0]] - margin, 0) : starts[loud[-1]] + window + margin]


def plan_chunks(lengths: Sequence[int]) -> list[list[int]]:
    """Put clips together in their order, to chunks of 2 to 5 s.

    A chunk closes once it reaches its turn of TARGETS_S, or before a clip that would take it over
    5 s; one that is then shorter than 2 s is given up.

    Args:
        lengths: samples of each clip at 16 kHz, none over 5 s.

    Returns:
        chunks as lists of clip numbers.
    """
    gap = int(GAP_S * RATE)
    chunks: list[list[int]] = []
    current: list[int] = []
    total = 0

    def close() -> None:
        if total >= MIN_CHUNK_S * RATE:
            chunks.append(current)

    for number, length in enumerate(lengths):
        if current and total + gap + length > MAX_CHUNK_S * RATE:
            close()
            current, total = [], 0
        total += length + (gap if current else 0)
        current.append(number)
        if total >= TARGETS_S[len(chunks) % len(TARGETS_S)] * RATE:
            close()
            current, total = [], 0
    close()
    return chunks


def join_clips(clips: Sequence[np.ndarray]) -> np.ndarray:
    """Concatenate float32 (samples,) clips with 0.1 s of silence between them."""
    gap = np.zeros(int(GAP_S * RATE), np.float32)
    parts = [part for clip in clips for part in (gap, clip)]
    return np.concatenate(parts[1:])


def write_chunks(speaker: str, clips: Sequence[Path], max_chunks: int, folder: Path) -> Path:
    """Write the chunks of one speaker as FLAC, with their lengths and the clips not used.

    Args:
        clips: audio files of one voice, several channels allowed.
        max_chunks: most chunks to make.

    Returns:
        `folder/<speaker>-<hash of what it is made of>`; one that is there already is kept.

    Raises:
        UserError: naming a clip that does not decode.
    """
    target = folder / f"{speaker}-{_fingerprint(clips, max_chunks)}"
    if not (is_complete(target) and (target / "excluded.scp").is_file()):
        _write_folder(speaker, clips, max_chunks, target)
    return target


def is_complete(target: Path) -> bool:
    """Whether a folder of clips exists with every clip that its utt2num_samples lists."""
    counts = target / "utt2num_samples"
    return counts.is_file() and all((target / f"{utterance}.flac").is_file() for utterance in read_scp(counts))


def read_chunks(speaker: str, clips: Iterable[Path], target: Path, excluded: Exclusions) -> dict[str, tuple[Path, int]]:
    """The chunks in a folder of `write_chunks`: utterance -> its file and samples at 16 kHz.

    Args:
        excluded: takes the clips that are silent, too long or not needed.
    """
    paths = {clip_name(path): path for path in clips}
    for name, reason in read_scp(target / "excluded.scp").items():
        excluded.add(f"{speaker}-{name}", paths[name], reason)
    lengths = read_scp(target / "utt2num_samples")
    return {utterance: (target / f"{utterance}.flac", int(length)) for utterance, length in lengths.items()}


def clip_name(path: Path) -> str:
    """A clip's name inside its corpus, for instance `alpha.A.ogg`."""
    return f"{path.parent.name}.{path.name}".replace(" ", "_")


def _fingerprint(paths: Sequence[Path], max_chunks: int) -> str:
    """Changes with anything that the chunks follow from."""
    sizes = [(clip_name(path), path.stat().st_size) for path in paths]
    joining = (max_chunks, MIN_CHUNK_S, MAX_CHUNK_S, TARGETS_S, GAP_S)
    trimming = (SILENCE_PEAK, TRIM_SHARE, TRIM_WINDOW_S, TRIM_MARGIN_S)
    return hashlib.sha1(repr((sizes, joining, trimming)).encode()).hexdigest()[:10]


def _write_folder(speaker: str, paths: Sequence[Path], max_chunks: int, target: Path) -> None:
    clips: dict[str, np.ndarray] = {}
    reasons: dict[str, str] = {}
    for path in paths:
        samples, rate = read_audio(path, downmix=True)
        samples = resample(samples, rate)
        if np.abs(samples).max() < SILENCE_PEAK:
            reasons[clip_name(path)] = "silent clip"
            continue
        samples = trim_silence(samples)
        if len(samples) > MAX_CHUNK_S * RATE:
            reasons[clip_name(path)] = f"clip longer than {MAX_CHUNK_S:g} s"
        else:
            clips[clip_name(path)] = samples
    names = list(clips)
    chunks = plan_chunks([len(samples) for samples in clips.values()])[:max_chunks]
    used = {names[number] for chunk in chunks for number in chunk}
    reasons |= dict.fromkeys((name for name in names if name not in used), "clip not needed for a chunk")
    with atomic_folder(target) as temporary:
        counts = {}
        for number, chunk in enumerate(chunks):
            samples = join_clips([clips[names[clip]] for clip in chunk])
            utterance = f"{speaker}-{number:03d}"
            write_flac(temporary / f"{utterance}.flac", samples)
            counts[utterance] = len(samples)
        write_scp(temporary / "utt2num_samples", counts)
        write_scp(temporary / "excluded.scp", reasons)
