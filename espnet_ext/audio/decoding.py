"""Open audio of any format with libsndfile, or with PyAV if libsndfile cannot read it."""

import os
import struct
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import BinaryIO

import av
import numpy as np
import soundfile

from espnet_ext.audio.content import describe_content
from espnet_ext.audio.pyav_reader import HEADERLESS, PyAvReader, open_container
from espnet_ext.audio.reader import PREROLL_S, AudioReader, decoding
from espnet_ext.utils.errors import UserError

GSM_FRAME_BYTES = 33  # of 160 samples
# libsndfile reports a length of 2^63 - 1 if the header has none.
OPEN_LENGTH = 2**62


@contextmanager
def open_audio(path: Path) -> Iterator[AudioReader]:
    """Open a file with the decoder for its content, whatever its suffix is.

    Raises:
        UserError: naming the file, if it is missing, empty, truncated, has impossible numbers in its header or does not
            decode, here or in `AudioReader.blocks`.
    """
    if not os.path.isfile(path):  # unlike Path.is_file, False for a name that is too long
        raise UserError(f"{path}: no such audio file")
    if path.stat().st_size == 0:
        raise UserError(f"{path}: empty audio file")
    with ExitStack() as stack:
        with decoding(path):
            file = stack.enter_context(path.open("rb", buffering=0))
            reader = _open_reader(path, file, stack)
        yield reader


def _open_reader(path: Path, file: BinaryIO, stack: ExitStack) -> AudioReader:
    if missing := missing_bytes(path):
        raise UserError(f"{path}: {missing} bytes of sound are missing at the end; the file is cut")
    if sound_file := _open_sound_file(path, file, stack):
        return SoundFileReader(path, sound_file)
    if path.suffix.lower() == ".gsm" and (size := path.stat().st_size) % GSM_FRAME_BYTES:
        raise UserError(f"{path}: {size} bytes are not a whole number of GSM frames; the file is cut")
    try:
        container = open_container(file, path.suffix)
    except av.FFmpegError as error:
        content = describe_content(path) or "damaged, or of no known format"
        raise UserError(f"{path}: cannot decode audio: the file is {content}") from error
    return PyAvReader(path, stack.enter_context(container))


def _open_sound_file(path: Path, file: BinaryIO, stack: ExitStack) -> "OneWayFile | None":
    """Open a file with libsndfile; None if PyAV must decode it."""
    try:
        # By its descriptor: libsndfile would also use the suffix.
        sound_file = stack.enter_context(OneWayFile(file.fileno(), closefd=False))
    except soundfile.LibsndfileError:
        return None
    # Random bytes of a headerless stream may look like MP3, and the length of MP3 in WAV is a guess.
    is_mp3 = sound_file.subtype.startswith("MPEG") and (sound_file.format == "WAV" or path.suffix.lower() in HEADERLESS)
    is_open = sound_file.frames >= OPEN_LENGTH or (sound_file.frames == 0 and has_open_size(path))
    return None if is_mp3 or is_open else sound_file


class OneWayFile(soundfile.SoundFile):
    """A file that is read forward from one position, without a seek after each read.

    Such a seek costs the time to that position (MP3), and the state of MP3 and Vorbis decoders (libsndfile 1.2.2 then
    returns audio of another part of the file).
    """

    def seekable(self) -> bool:
        """False, because python-soundfile 0.14 would seek after each read."""
        return False

    def skip_to(self, position: int) -> int:
        """Seek to a sample, or stay at 0 if the file is not seekable; returns the position."""
        return self.seek(position) if position and super().seekable() else 0


class SoundFileReader(AudioReader):
    """Decode with libsndfile, which seeks exactly to a sample in all its formats, MP3, Vorbis and Opus included.

    MP3 has no index: its bytes before the part are read, but not decoded.
    """

    def __init__(self, path: Path, file: OneWayFile) -> None:
        super().__init__(path, file.samplerate, file.channels, file.frames)
        self.file = file

    def _blocks(self, start: int, num_samples: int | None) -> Iterator[np.ndarray]:
        start = min(start, self.num_samples)
        end = self.num_samples if num_samples is None else min(start + num_samples, self.num_samples)
        has_memory = self.file.format == "MP3" or self.file.subtype == "OPUS"
        position = self.file.skip_to(max(start - round(PREROLL_S * self.rate), 0) if has_memory else start)
        while position < end:
            expected = min(end - position, self.block_samples)
            samples = self.file.read(expected, dtype="float32", always_2d=True)
            # libsndfile decodes a truncated file without an error.
            if len(samples) < expected:
                decoded = position + len(samples)
                raise UserError(f"{self.path}: only {decoded} of {self.num_samples} samples decode; the file is cut")
            yield samples[max(start - position, 0) :]
            position += expected


# Programs that write into a pipe cannot seek back to fill in the size. They leave 0, or a number at or slightly below
# a multiple of 2 GiB: 0xFFFFFFFF, 0x7FFFF000, 0x80000000 ...
PLACEHOLDER_MULTIPLE = 2**31
PLACEHOLDER_MARGIN = 2**16
# First bytes -> byte order.
BYTE_ORDERS = {b"RIFF": "<", b"RF64": "<", b"RIFX": ">", b"FORM": ">"}


def missing_bytes(path: Path) -> int:
    """Bytes of audio in the header that are missing in the file; 0 for files of other formats."""
    size, available = _sound_sizes(path)
    is_placeholder = -size % PLACEHOLDER_MULTIPLE <= PLACEHOLDER_MARGIN
    return 0 if is_placeholder else max(size - available, 0)


def has_open_size(path: Path) -> bool:
    """Whether the header gives 0 bytes of audio, but audio follows to the end of the file."""
    size, available = _sound_sizes(path)
    if size > 0 or available == 0:
        return False
    with open(path, "rb") as file:
        file.seek(-available, 2)
        for _, size in _chunks(file, "<"):
            available -= 8 + size + size % 2
    return available != 0  # the rest is not whole chunks


def _sound_sizes(path: Path) -> tuple[int, int]:
    """Bytes of audio in the header, and bytes of the file after that header; (0, 0) for files of other formats."""
    with open(path, "rb") as file:
        order = BYTE_ORDERS.get(file.read(12)[:4])
        large_size = 2**32 - 1
        for name, size in _chunks(file, order) if order else ():
            if name == b"ds64":  # the sizes of RF64
                large_size = int.from_bytes(file.read(16)[8:], "little")
            if name in (b"data", b"SSND"):
                return size if size < 2**32 - 1 else large_size, path.stat().st_size - file.tell()
    return 0, 0


def _chunks(file: BinaryIO, order: str) -> Iterator[tuple[bytes, int]]:
    """Name and size of each chunk; the file position is then at its content."""
    while len(header := file.read(8)) == 8:
        name, size = struct.unpack(f"{order}4sI", header)
        content = file.tell()
        yield name, size
        file.seek(content + size + size % 2)  # chunks start at even bytes
