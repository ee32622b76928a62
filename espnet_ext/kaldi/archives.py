"""Kaldi archives: 16-bit audio of dump directories, and names of archives by the hash of their content."""

import hashlib
import wave
from collections.abc import Collection
from pathlib import Path
from typing import BinaryIO

import kaldiio
import numpy as np

from espnet_ext.audio import RATE
from espnet_ext.audio.waveform import to_int16
from espnet_ext.kaldi.scp import iter_scp
from espnet_ext.utils.errors import UserError

DIGEST_DIGITS = 16


def append_to_ark(file: BinaryIO, utterance: str, samples: np.ndarray, ark_format: str = "wav") -> int:
    """Append 16 kHz audio to an open Kaldi archive.

    Args:
        samples: (samples,) int16, or float in [-1, 1], which is stored as int16.
        ark_format: one of `espnet_ext.audio.ARK_FORMATS`.

    Returns:
        the offset to put after `path:` in an scp file.
    """
    offset = file.tell() + len(utterance.encode()) + 1
    pcm = to_int16(samples)
    if ark_format == "flac":
        options = {"format": "FLAC", "subtype": "PCM_16"}
        kaldiio.save_ark(file, {utterance: (RATE, pcm)}, write_function="soundfile", write_kwargs=options)
    else:
        # As kaldiio does it, but for a copy of the samples and for what it says of a full disk.
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
    """Rate and samples in [-1, 1]: float32 of WAV, float64 of FLAC, which float32 holds exactly, too."""
    path, _, offset = spec.rpartition(":")
    with open(path, "rb") as file:
        file.seek(int(offset))
        kind = file.peek(5)[:5]
        if kind == b"AUDIO":
            return kaldiio.matio.read_kaldi(file)
        if kind[:4] != b"RIFF":  # kaldiio would take it for something else, and unpickle some
            raise ValueError("no audio there")
        # kaldiio would take what is left of a record that is cut.
        with wave.open(file) as record:
            if (record.getnchannels(), record.getsampwidth()) != (1, 2):
                raise ValueError(f"{record.getnchannels()} channels of {8 * record.getsampwidth()} bits")
            content = record.readframes(record.getnframes())
            if len(content) < 2 * record.getnframes():
                raise EOFError("the archive is cut")
            return record.getframerate(), np.frombuffer(content, dtype="<i2") / np.float32(32768)


def check_dumped_length(utterance: str, place: str, num_samples: int, listed: int) -> None:
    """Refuse (UserError) dumped audio that is not as long as utt2num_samples lists it."""
    if num_samples != listed:
        raise UserError(
            f"{place}: {num_samples} samples of utterance {utterance}, but utt2num_samples lists {listed}; "
            "run stage 2 again"
        )


def archive_of(folder: Path, name: str, content: bytes) -> Path:
    """`<folder>/<name>.<hash>.ark` of all that an archive's bytes follow from."""
    return folder / f"{name}.{hashlib.sha256(content).hexdigest()[:DIGEST_DIGITS]}.ark"


def remove_stale_archives(folder: Path, name: str, current: Collection[str]) -> None:
    """Remove a name's archives of anything else than now, and what killed processes left half-written.

    Args:
        current: paths of those that stay.
    """
    # Not those of `name`.<language>.
    archives = f"{name}.{'[0-9a-f]' * DIGEST_DIGITS}.ark"
    for pattern in (archives, f".tmp-*-{archives}"):
        for ark in folder.glob(pattern):
            if str(ark) not in current:
                ark.unlink()
