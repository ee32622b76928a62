"""Chunks of a few seconds made of several short clips of one voice."""

import hashlib
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from espnet_ext.data.atomic import atomic_folder
from espnet_ext.data.audio import RATE, read_audio, resample, write_flac
from espnet_ext.data.data_dir import read_scp, write_scp
from espnet_ext.data.left_out import LeftOut

MIN_CHUNK_S, MAX_CHUNK_S = 2.0, 5.0
GAP_S = 0.1
SILENCE_PEAK = 0.01  # a clip that never gets louder than -40 dBFS holds no speech


def plan_chunks(lengths: Sequence[int]) -> list[list[int]]:
    """Put clips together in their order: a chunk closes once it lasts 2 s, and never exceeds 5 s.

    Args:
        lengths: samples of each clip at 16 kHz, none over 5 s.

    Returns:
        chunks as lists of clip numbers; clips that do not fill a chunk are not used.
    """
    chunks: list[list[int]] = []
    current: list[int] = []
    total = 0
    for number, length in enumerate(lengths):
        joined = total + length + (int(GAP_S * RATE) if current else 0)
        if joined > MAX_CHUNK_S * RATE:  # too short before, too long after: start anew
            current, joined = [], length
        current.append(number)
        total = joined
        if total >= MIN_CHUNK_S * RATE:
            chunks.append(current)
            current, total = [], 0
    return chunks


def join_clips(clips: Sequence[np.ndarray]) -> np.ndarray:
    """Concatenate float32 (samples,) clips with 0.1 s of silence between them."""
    gap = np.zeros(int(GAP_S * RATE), np.float32)
    parts = [part for clip in clips for part in (gap, clip)]
    return np.concatenate(parts[1:])


def make_chunks(
    speaker: str, clips: Iterable[Path], max_chunks: int, folder: Path, left_out: LeftOut
) -> dict[str, tuple[Path, int]]:
    """Write the chunks of one speaker as FLAC; a folder that is there already is kept.

    Args:
        clips: audio files of one voice, several channels allowed.
        max_chunks: most chunks to make.
        folder: becomes `<folder>/<speaker>-<hash of what it is made of>`.
        left_out: takes the clips that are silent, too long or not needed.

    Returns:
        utterance -> its file and samples at 16 kHz.

    Raises:
        UserError: naming a clip that does not decode.
    """
    paths = list(clips)
    target = folder / f"{speaker}-{_fingerprint(paths, max_chunks)}"
    if not (target / "left_out.scp").is_file():
        _write_chunks(speaker, paths, max_chunks, target)
    for name, reason in read_scp(target / "left_out.scp").items():
        left_out.add(f"{speaker}-{name}", next(path for path in paths if clip_name(path) == name), reason)
    lengths = read_scp(target / "utt2num_samples")
    return {utterance: (target / f"{utterance}.flac", int(length)) for utterance, length in lengths.items()}


def clip_name(path: Path) -> str:
    """A clip's name inside its corpus, for instance `alpha.A`."""
    return f"{path.parent.name}.{path.stem}".replace(" ", "_")


def _fingerprint(paths: list[Path], max_chunks: int) -> str:
    """Changes with anything that the chunks follow from."""
    sizes = [(clip_name(path), path.stat().st_size) for path in paths]
    return hashlib.sha1(repr((sizes, max_chunks, MIN_CHUNK_S, MAX_CHUNK_S, GAP_S)).encode()).hexdigest()[:10]


def _write_chunks(speaker: str, paths: list[Path], max_chunks: int, target: Path) -> None:
    clips: dict[str, np.ndarray] = {}
    reasons: dict[str, str] = {}
    for path in paths:
        samples, rate = read_audio(path, downmix=True)
        samples = resample(samples, rate)
        if np.abs(samples).max() < SILENCE_PEAK:
            reasons[clip_name(path)] = "silent clip"
        elif len(samples) > MAX_CHUNK_S * RATE:
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
        write_scp(temporary / "left_out.scp", reasons)
