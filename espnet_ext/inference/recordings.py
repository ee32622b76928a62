"""Convert all input types of `UttEncoder.encode` to files, or to arrays at the encoder's sampling rate."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from numbers import Real
from tempfile import NamedTemporaryFile
from typing import Any

import numpy as np
import torch

from espnet_ext.audio.reader import check_rate, check_samples
from espnet_ext.audio.waveform import AudioSource, resample
from espnet_ext.kaldi.archives import read_dumped
from espnet_ext.kaldi.locators import is_dumped
from espnet_ext.utils.errors import UserError

type Samples = np.ndarray | torch.Tensor | list[float]
type Recording = str | os.PathLike | AudioSource | bytes | Samples | tuple[Samples, float] | Mapping[str, Any]
ACCEPTED = (
    "a file name, the bytes of a file, a float array, tensor or list (samples,) in [-1, 1], a pair "
    "(array, sampling_rate), or a dict with `array` and `sampling_rate`, with `bytes` or with `path`"
)


def check_is_list(audio: Any) -> None:
    """Raise UserError for a single recording, whose items would be taken for recordings."""
    is_samples = isinstance(audio, torch.Tensor) or (isinstance(audio, np.ndarray) and audio.dtype.kind in "fiub")
    is_one = isinstance(audio, str | os.PathLike | AudioSource | bytes | bytearray | Mapping)
    if is_one or (is_samples and audio.ndim < 2):
        raise UserError(f"audio: expected a list of recordings, found one {type(audio).__name__}; write encode([...])")


@contextmanager
def open_recording(
    item: Recording, where: str, sampling_rate: float, rate: int
) -> Iterator[tuple[AudioSource | np.ndarray, str]]:
    """Open one recording.

    Args:
        item: the recording, see `ACCEPTED`.
        where: name for errors if the recording has no file name.
        sampling_rate: sampling rate of arrays that have none, Hz.
        rate: sampling rate of the encoder, Hz; arrays are resampled to it.

    Yields:
        a part of a file or float32 (samples,) at `rate`, and the name of the recording.

    Raises:
        UserError: not a recording, or invalid samples.
    """
    if isinstance(item, Mapping):
        item = _from_mapping(item, where)
    if isinstance(item, str | os.PathLike):
        item = AudioSource(os.fsdecode(item))
    if isinstance(item, AudioSource):
        yield (read_dumped(item.path) if is_dumped(item.path) else item), str(item)
    elif isinstance(item, bytes | bytearray | memoryview):
        with _as_file(item, where) as path:
            yield AudioSource(path), where
    else:
        values: Any
        own_rate: Any
        values, own_rate = item if _is_pair(item) else (item, sampling_rate)
        check_rate(own_rate, where)
        samples = resample(_to_samples(values, where), own_rate, rate)
        # torch requires writable, contiguous arrays.
        yield np.require(samples, np.float32, ["C", "W", "E"]), where


def _from_mapping(item: Mapping[str, Any], where: str) -> Recording:
    if item.get("array") is not None:
        if "sampling_rate" not in item:
            raise UserError(f"{where}: a dict with `array` but without `sampling_rate`; add it")
        return item["array"], item["sampling_rate"]
    content = item.get("bytes") if item.get("bytes") is not None else item.get("path")
    if not isinstance(content, str | os.PathLike | bytes | bytearray | memoryview):
        raise UserError(f"{where}: a dict with {', '.join(map(str, item)) or 'nothing'}; expected {ACCEPTED}")
    return content


def _is_pair(item: object) -> bool:
    return isinstance(item, tuple) and len(item) == 2 and not isinstance(item[0], Real)


@contextmanager
def _as_file(content: bytes | bytearray | memoryview, where: str) -> Iterator[str]:
    """Write bytes to a temporary file: all decoders read files, and long recordings are read window by window."""
    with NamedTemporaryFile(prefix="espnet_ext-") as file:
        file.write(content)
        file.flush()
        try:
            yield file.name
        except UserError as error:
            raise UserError(str(error).replace(file.name, where)) from error


def _to_samples(values: Samples, where: str) -> np.ndarray:
    """Samples (samples,) as float32; UserError for anything else."""
    if isinstance(values, torch.Tensor):
        values = values.detach().cpu()
        values = values.float() if values.is_floating_point() else values  # numpy has no bfloat16
    try:
        samples = np.asarray(values)
    except (TypeError, ValueError, RuntimeError) as error:
        raise UserError(f"{where}: a {type(values).__name__} is not a recording; expected {ACCEPTED}") from error
    if samples.dtype.kind not in "fiub" or samples.ndim == 0:
        raise UserError(f"{where}: a {type(values).__name__} is not a recording; expected {ACCEPTED}")
    if samples.dtype.kind != "f":
        raise UserError(
            f"{where}: an array of {samples.dtype}, expected floats in [-1, 1]; divide 16-bit ones by 32768"
        )
    if samples.ndim == 2 and 1 in samples.shape:
        samples = samples.reshape(-1)
    if samples.ndim != 1:
        raise UserError(f"{where}: an array of shape {samples.shape}, expected (samples,); take or average one channel")
    check_samples(samples, where)
    return np.ascontiguousarray(samples, dtype=np.float32)
