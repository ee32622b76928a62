"""Read audio of any format, resample it, and store it in kaldiio archives of FLAC blobs."""

from io import BytesIO
from pathlib import Path
from typing import BinaryIO

import av
import kaldiio
import numpy as np
import soundfile
import soxr

from espnet_ext.data.wav_header import missing_bytes
from espnet_ext.errors import UserError

RATE = 16000  # of everything in a dump directory

# Formats that libsndfile cannot read: suffix -> demuxer to force (None: found by content).
# G.722 is a stream without header, so its file cannot be recognised by its content.
PYAV_FORMATS = {".g722": "g722", ".m4a": None, ".mp4": None, ".aac": None, ".webm": None, ".wma": None}

# Headerless GSM 6.10: 33 bytes hold 160 samples at 8 kHz.
GSM = {"format": "RAW", "subtype": "GSM610", "samplerate": 8000, "channels": 1}
GSM_FRAME_BYTES = 33


def read_audio(
    path: str | Path,
    start: int = 0,
    num_samples: int | None = None,
    *,
    rate: int | None = None,
    downmix: bool = False,
) -> tuple[np.ndarray, int]:
    """Decode one channel of audio.

    Args:
        start, num_samples: the part wanted, in samples at the file's rate; None = to the end.
        rate: the sampling rate the file must have; None = any.
        downmix: average the channels of a file that has several, instead of refusing it.

    Returns:
        float32 (samples,) in [-1, 1], and the file's sampling rate in Hz.

    Raises:
        UserError: naming the file, if it is absent, does not decode, is shorter than asked for or
            empty, has NaN or infinite samples, several channels, or another rate than `rate`.
    """
    path = Path(path)
    _check_file(path)
    read = _read_pyav if path.suffix.lower() in PYAV_FORMATS else _read_soundfile
    samples, file_rate = read(path, start, num_samples)
    if samples.shape[1] > 1 and not downmix:
        raise UserError(f"{path}: {samples.shape[1]} channels, expected 1; convert it to mono")
    if rate is not None and file_rate != rate:
        raise UserError(f"{path}: sampled at {file_rate} Hz, expected {rate} Hz; resample it")
    if len(samples) == 0 or (num_samples is not None and len(samples) < num_samples):
        wanted = "any" if num_samples is None else f"{num_samples} samples from {start} on"
        raise UserError(f"{path}: {len(samples)} samples where {wanted} were expected; the file is cut or empty")
    if not np.isfinite(samples).all():
        first = int(np.argmin(np.isfinite(samples).all(axis=1))) + start
        raise UserError(f"{path}: sample {first} is not a finite number; make the file again")
    return samples.mean(axis=1, dtype=np.float32), file_rate


def _check_file(path: Path) -> None:
    if not path.is_file():
        raise UserError(f"{path}: no such audio file")
    size = path.stat().st_size
    if size == 0:
        raise UserError(f"{path}: empty audio file")
    if path.suffix.lower() == ".gsm" and size % GSM_FRAME_BYTES:
        raise UserError(f"{path}: {size} bytes are not a whole number of GSM frames; the file is cut")
    if path.suffix.lower() == ".wav" and (missing := missing_bytes(path)):
        raise UserError(f"{path}: {missing} bytes of sound are missing at the end; the file is cut")


def _open_soundfile(path: Path) -> soundfile.SoundFile:
    return soundfile.SoundFile(path, **(GSM if path.suffix.lower() == ".gsm" else {}))


def _read_soundfile(path: Path, start: int, num_samples: int | None) -> tuple[np.ndarray, int]:
    try:
        with _open_soundfile(path) as file:
            if start > file.frames:
                return np.empty((0, file.channels), np.float32), file.samplerate
            if start:
                file.seek(start)
            expected = file.frames - start if num_samples is None else min(num_samples, file.frames - start)
            samples = file.read(expected, dtype="float32", always_2d=True)
            # libsndfile returns what it could decode of a cut file without a word.
            if len(samples) < expected:
                raise UserError(f"{path}: only {len(samples)} of {expected} samples decode; the file is cut")
            return samples, file.samplerate
    except (soundfile.SoundFileError, OSError) as error:
        raise UserError(f"{path}: cannot decode audio: {error}") from error


def _read_pyav(path: Path, start: int, num_samples: int | None) -> tuple[np.ndarray, int]:
    try:
        with av.open(str(path), format=PYAV_FORMATS[path.suffix.lower()]) as container:
            if not container.streams.audio:
                raise UserError(f"{path}: no audio in the file")
            # One float format for all codecs; int16 becomes int16 / 32768 exactly.
            resampler = av.AudioResampler(format="fltp")
            frames = [part.to_ndarray() for frame in container.decode(audio=0) for part in resampler.resample(frame)]
            rate = container.streams.audio[0].rate
    except (av.FFmpegError, OSError) as error:
        raise UserError(f"{path}: cannot decode audio: {error}") from error
    if not frames:
        raise UserError(f"{path}: no audio in the file")
    samples = np.concatenate(frames, axis=1).T
    return samples[start : None if num_samples is None else start + num_samples], rate


def audio_length(path: str | Path) -> tuple[int, int]:
    """Samples of a file and its rate in Hz, from the header where there is one.

    Raises:
        UserError: naming the file, if it is absent, empty or of no known format.
    """
    path = Path(path)
    _check_file(path)
    if path.suffix.lower() == ".g722":
        return 2 * path.stat().st_size, 16000  # a byte holds two samples
    if path.suffix.lower() in PYAV_FORMATS:
        samples, rate = _read_pyav(path, 0, None)
        return len(samples), rate
    try:
        with _open_soundfile(path) as file:
            return file.frames, file.samplerate
    except soundfile.SoundFileError as error:
        raise UserError(f"{path}: cannot decode audio: {error}") from error


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
    """float (samples,) in [-1, 1] to int16, clipped; undoes int16 / 32768 exactly."""
    return np.clip(np.round(samples * 32768.0), -32768, 32767).astype(np.int16)


def write_flac(path: str | Path, samples: np.ndarray, rate: int = RATE) -> None:
    """Write float (samples,) as mono 16-bit FLAC; the same samples give the same bytes.

    Raises:
        OSError: the file cannot be written, or the disk is full.
    """
    # Encoded in memory: libsndfile does not say why it cannot write a file.
    encoded = BytesIO()
    soundfile.write(encoded, to_int16(samples), rate, format="FLAC", subtype="PCM_16")
    Path(path).write_bytes(encoded.getvalue())


def append_to_ark(file: BinaryIO, utterance: str, samples: np.ndarray) -> int:
    """Append 16 kHz float (samples,) to an open kaldiio archive as a FLAC blob.

    Returns:
        the offset to put after `path:` in an scp file.
    """
    offset = file.tell() + len(utterance.encode()) + 1
    kaldiio.save_ark(
        file,
        {utterance: (to_int16(samples), RATE)},
        write_function="soundfile",
        write_kwargs={"format": "FLAC", "subtype": "PCM_16"},
    )
    return offset


def read_dumped(spec: str) -> np.ndarray:
    """Read an utterance of a dump directory.

    Args:
        spec: `path:offset`, the value of a line of dump/<set>/wav.scp.

    Returns:
        float32 (samples,) in [-1, 1] at 16 kHz.

    Raises:
        UserError: naming the spec, if the archive is absent, cut or not of 16 kHz mono audio.
    """
    try:
        rate, samples = kaldiio.load_mat(spec)
    except (OSError, ValueError, RuntimeError, TypeError, EOFError, AssertionError) as error:
        raise UserError(f"{spec}: cannot read dumped audio ({error}); run stage 2 again") from error
    if rate != RATE or samples.ndim != 1 or len(samples) == 0:
        raise UserError(f"{spec}: {samples.shape} samples at {rate} Hz, expected mono at {RATE} Hz; run stage 2 again")
    # kaldiio decodes to float64 in [-1, 1]; float32 holds 16-bit samples exactly.
    return samples.astype(np.float32)
