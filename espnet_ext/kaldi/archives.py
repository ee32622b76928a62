"""Kaldi archives: 16-bit audio of dump directories, float32 vectors, and archives named by a hash of their content."""

import hashlib
import wave
from collections.abc import Collection, Iterable
from pathlib import Path
from typing import BinaryIO

import kaldiio
import numpy as np

from espnet_ext.audio import RATE
from espnet_ext.audio.waveform import to_int16
from espnet_ext.kaldi.scp import iter_scp
from espnet_ext.utils.atomic import atomic_path, remove_temporary
from espnet_ext.utils.errors import UserError

DIGEST_DIGITS = 16


def append_to_ark(file: BinaryIO, utterance: str, samples: np.ndarray, ark_format: str = "wav") -> int:
    """Append 16 kHz audio to an open Kaldi archive.

    Args:
        samples: (samples,) int16, or float in [-1, 1], which is stored as int16.
        ark_format: one of `espnet_ext.audio.ARK_FORMATS`.

    Returns:
        the offset to write after `path:` in an scp file.
    """
    offset = file.tell() + len(utterance.encode()) + 1
    pcm = to_int16(samples)
    if ark_format == "flac":
        options = {"format": "FLAC", "subtype": "PCM_16"}
        kaldiio.save_ark(file, {utterance: (RATE, pcm)}, write_function="soundfile", write_kwargs=options)
    else:
        # The bytes that kaldiio writes. On a full disk, kaldiio 2.18 also prints a traceback from its destructor.
        file.write(f"{utterance} ".encode())
        with wave.open(file, "wb") as record:
            record.setparams((1, pcm.itemsize, RATE, len(pcm), "NONE", ""))
            record.writeframes(pcm)
    return offset


def read_dumped(spec: str) -> np.ndarray:
    """Read an utterance of a dump directory, in any format of `espnet_ext.audio.ARK_FORMATS`.

    Args:
        spec: `path:offset`, the value of a line of dump/<set>/wav.scp.

    Returns:
        float32 (samples,) in [-1, 1] at 16 kHz, exactly the 16-bit numbers / 32768.

    Raises:
        UserError: naming utterance and spec, if the archive is absent, cut or not of 16 kHz mono audio.
    """
    try:
        rate, samples = _read_record(spec)
    except (OSError, ValueError, RuntimeError, TypeError, EOFError, AssertionError, wave.Error) as error:
        raise UserError(f"{name_dumped(spec)}: cannot read dumped audio ({error}); run stage 2 again") from error
    if rate != RATE or samples.ndim != 1 or len(samples) == 0:
        found = f"{samples.shape} samples at {rate} Hz"
        raise UserError(f"{name_dumped(spec)}: {found}, expected mono at {RATE} Hz; run stage 2 again")
    return samples.astype(np.float32, copy=False)


def name_dumped(spec: str) -> str:
    """Name of dumped audio in errors: `utterance <id>: <spec>`, or the spec if its dump directory does not list it."""
    archive = Path(spec)  # with the offset
    scp = archive.parent.parent / "wav.scp"
    for utterance, value in iter_scp(scp) if scp.is_file() else ():
        if Path(value).name == archive.name:
            return f"utterance {utterance}: {spec}"
    return spec


def _read_record(spec: str) -> tuple[int, np.ndarray]:
    """Rate and samples in [-1, 1]: float32 of WAV, float64 of FLAC (exact in float32, too)."""
    path, _, offset = spec.rpartition(":")
    with open(path, "rb") as file:
        file.seek(int(offset))
        kind = file.peek(5)[:5]
        if kind == b"AUDIO":
            return kaldiio.matio.read_kaldi(file)
        if kind[:4] != b"RIFF":  # kaldiio would try other formats, and unpickle some
            raise ValueError("no audio there")
        # kaldiio would accept a cut record.
        with wave.open(file) as record:
            if (record.getnchannels(), record.getsampwidth()) != (1, 2):
                raise ValueError(f"{record.getnchannels()} channels of {8 * record.getsampwidth()} bits")
            content = record.readframes(record.getnframes())
            if len(content) < 2 * record.getnframes():
                raise EOFError("the archive is cut")
            return record.getframerate(), np.frombuffer(content, dtype="<i2") / np.float32(32768)


def check_dumped_length(utterance: str, spec: str, num_samples: int, listed: int) -> None:
    """Refuse (UserError) dumped audio whose length differs from utt2num_samples."""
    if num_samples != listed:
        raise UserError(
            f"{spec}: {num_samples} samples of utterance {utterance}, but utt2num_samples lists {listed}; "
            "run stage 2 again"
        )


def write_ark(ark: Path, vectors: Iterable[tuple[str, np.ndarray]]) -> dict[str, str]:
    """Write float32 vectors (dim,) by key to an archive, whole or not at all; returns key -> `ark:offset`."""
    locators = {}
    with atomic_path(ark) as temporary, temporary.open("wb") as stream:
        for key, vector in vectors:
            locators[key] = f"{ark}:{stream.tell() + len(key.encode()) + 1}"  # after the key and its space
            kaldiio.save_ark(stream, {key: vector})
    return locators


def archive_of(folder: Path, name: str, content: bytes) -> Path:
    """`<folder>/<name>.<hash>.ark`: a hash of everything that determines the archive's bytes."""
    return folder / f"{name}.{hashlib.sha256(content).hexdigest()[:DIGEST_DIGITS]}.ark"


def remove_old_archives(folder: Path, name: str, current: Collection[str]) -> None:
    """Remove the archives of a name except `current` (paths), and temporary files of killed processes."""
    # The hash is spelled out to keep the archives of `name`.<language>.
    archives = f"{name}.{'[0-9a-f]' * DIGEST_DIGITS}.ark"
    for ark in folder.glob(archives):
        if str(ark) not in current:
            ark.unlink()
    remove_temporary(folder, f"*-{archives}")
