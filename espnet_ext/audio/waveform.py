"""Read audio of any format, resample it, and store it in Kaldi archives of 16-bit audio."""

import wave
from collections.abc import Iterable, Iterator, Sequence
from io import BytesIO
from pathlib import Path
from typing import BinaryIO

import kaldiio
import numpy as np
import soundfile
import soxr

from espnet_ext.audio import RATE
from espnet_ext.audio.decoding import open_audio
from espnet_ext.audio.reader import AudioReader, check_samples
from espnet_ext.kaldi.scp import iter_scp
from espnet_ext.utils.errors import UserError


def read_audio(
    path: str | Path,
    start: int = 0,
    num_samples: int | None = None,
    *,
    downmix: bool = False,
) -> tuple[np.ndarray, int]:
    """Decode one channel of audio.

    Args:
        start, num_samples: the part wanted, in samples at the file's rate; None = to the end.
        downmix: average the channels of a file that has several, instead of refusing it.

    Returns:
        float32 (samples,) in [-1, 1], and the file's sampling rate in Hz.

    Raises:
        UserError: naming the file, if it is absent, does not decode, is shorter than asked for or
            empty, has NaN or infinite samples, or several channels.
    """
    with open_audio(Path(path)) as reader:
        samples = _concatenate(mono_blocks(reader, start, num_samples, downmix=downmix))
        rate = reader.rate
    if len(samples) == 0 or (num_samples is not None and len(samples) < num_samples):
        wanted = "any" if num_samples is None else f"{num_samples} samples from {start} on"
        raise UserError(f"{path}: {len(samples)} samples where {wanted} were expected; the file is cut or empty")
    return samples, rate


def read_spans(
    path: str | Path, spans: Sequence[tuple[float, float]], tolerance_s: float = 0.0
) -> tuple[np.ndarray, int]:
    """Decode parts of a long recording and no more, its channels averaged.

    Args:
        spans: (start, end) in seconds.
        tolerance_s: how far beyond the end of the file a span may reach; it is cut there.

    Returns:
        float32 (samples,) in [-1, 1] of all spans one after the other, and the file's sampling rate in Hz.

    Raises:
        UserError: naming the file, if it is absent, does not decode or has samples that are not finite;
            or the span that reaches too far.
    """
    decoded = [_read_span(Path(path), start_s, end_s, tolerance_s) for start_s, end_s in spans]
    return np.concatenate([samples for samples, _ in decoded]), decoded[0][1]


def _read_span(path: Path, start_s: float, end_s: float, tolerance_s: float) -> tuple[np.ndarray, int]:
    with open_audio(path) as reader:
        start, end = round(start_s * reader.rate), round(end_s * reader.rate)
        samples = _concatenate(mono_blocks(reader, start, end - start, downmix=True))
        rate = reader.rate
    missing = end - start - len(samples)
    if len(samples) == 0 or missing > tolerance_s * rate:
        raise UserError(
            f"{path}: ends {missing / rate:g} s before a segment from {start_s:g} to {end_s:g} s does; "
            "the file is cut, or the segment is of another one"
        )
    return samples, rate


def mono_blocks(
    reader: AudioReader, start: int = 0, num_samples: int | None = None, *, downmix: bool = False
) -> Iterator[np.ndarray]:
    """Decode one channel of a part, a few megabytes at a time.

    Args:
        start, num_samples, downmix: see `read_audio`.

    Yields:
        float32 (samples,), finite and about within [-1, 1].

    Raises:
        UserError: several channels, or samples that are not finite or far beyond [-1, 1].
    """
    if reader.num_channels > 1 and not downmix:
        raise UserError(f"{reader.path}: {reader.num_channels} channels, expected 1; convert it to mono")
    for block in reader.blocks(start, num_samples):
        check_samples(block, f"{reader.path}", start)
        start += len(block)
        yield block.mean(axis=1, dtype=np.float32) if reader.num_channels > 1 else block[:, 0]


def _concatenate(blocks: Iterable[np.ndarray]) -> np.ndarray:
    return np.concatenate([np.empty(0, np.float32), *blocks])


def audio_length(path: str | Path) -> tuple[int, int]:
    """Samples of a file and its rate in Hz, from the header where there is one.

    Raises:
        UserError: naming the file, if it is absent, empty or of no known format.
    """
    with open_audio(Path(path)) as reader:
        return reader.num_samples, reader.rate


def samples_at_16k(path: str | Path) -> int:
    """Samples the file has once resampled to 16 kHz, to within one."""
    samples, rate = audio_length(path)
    return round(samples * RATE / rate)


def resample(samples: np.ndarray, rate: int, new_rate: int = RATE) -> np.ndarray:
    """Change the sampling rate of float32 (samples,); soxr, high quality."""
    if rate == new_rate:
        return samples
    return soxr.resample(samples, rate, new_rate).astype(np.float32, copy=False)


def to_int16(samples: np.ndarray) -> np.ndarray:
    """float (samples,) in [-1, 1] to int16, clipped; undoes int16 / 32768 exactly, and leaves int16 as it is."""
    if samples.dtype == np.int16:
        return samples
    scaled = samples * 32768.0
    np.rint(scaled, out=scaled)
    return np.clip(scaled, -32768, 32767, out=scaled).astype(np.int16)


def write_flac(path: str | Path, samples: np.ndarray, rate: int = RATE) -> None:
    """Write float (samples,) as mono 16-bit FLAC; the same samples give the same bytes.

    Raises:
        OSError: the file cannot be written, or the disk is full.
    """
    # Encoded in memory: libsndfile does not say why it cannot write a file.
    encoded = BytesIO()
    soundfile.write(encoded, to_int16(samples), rate, format="FLAC", subtype="PCM_16")
    Path(path).write_bytes(encoded.getvalue())


def append_to_ark(file: BinaryIO, utterance: str, samples: np.ndarray, ark_format: str = "wav") -> int:
    """Append 16 kHz audio to an open Kaldi archive.

    Args:
        samples: (samples,) int16, or float in [-1, 1], which is stored as int16.
        ark_format: one of `audio_format.ARK_FORMATS`.

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
    """Read an utterance of a dump directory, in any format of `audio_format.ARK_FORMATS`.

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
