"""Parts of long recordings equal slices of the whole recording, without decoding all of it."""

from collections.abc import Iterator
from pathlib import Path

import av
import numpy as np
import pytest
import soundfile

from espnet_ext.audio.pyav_reader import PyAvReader
from espnet_ext.audio.waveform import AudioSource, audio_length, read_audio, read_source
from espnet_ext.utils.errors import UserError
from helpers.pyav_files import write_pyav

RATE = 16000
DURATION_S = 40
# Name -> how PyAV (container, codec) or libsndfile (format, subtype) writes it.
PYAV = {"a.m4a": ("ipod", "aac"), "a.mp4": ("mp4", "aac"), "a.aac": ("adts", "aac"), "a.webm": ("webm", "libopus")}
LAME = {"lame.mp3": ("mp3", "libmp3lame")}  # as FFmpeg writes it, with a reservoir of bits across frames
SNDFILE = {
    "a.wav": ("WAV", "PCM_16"),
    "a.flac": ("FLAC", "PCM_16"),
    "vorbis.ogg": ("OGG", "VORBIS"),
    "opus.ogg": ("OGG", "OPUS"),
    "a.mp3": ("MP3", "MPEG_LAYER_III"),
}
STARTS_S = (0.0, 1 / RATE, 0.031, 0.499, 0.7, 12.34567, 30.0, 39.2)


def signal() -> np.ndarray:
    """float32 (samples,): a chirp, in which no two parts are equal, and noise."""
    times = np.arange(DURATION_S * RATE) / RATE
    noise = np.random.default_rng(0).normal(0, 0.02, len(times))
    return (0.3 * np.sin(2 * np.pi * (200 * times + 10 * times**2)) + noise).astype(np.float32)


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The same sound in every format."""
    folder = tmp_path_factory.mktemp("files")
    samples = signal()
    for name, (container_format, subtype) in SNDFILE.items():
        soundfile.write(folder / name, samples, RATE, format=container_format, subtype=subtype)
    for name in (*PYAV, *LAME):
        write_pyav(folder / name, *(PYAV | LAME)[name], samples)
    return {name: folder / name for name in (*SNDFILE, *PYAV, *LAME)}


def read_part(path: Path, start_s: float, end_s: float) -> np.ndarray:
    return read_source(AudioSource(str(path), ((start_s, end_s),)))[0]


def check_same(part: np.ndarray, expected: np.ndarray, name: str) -> None:
    # Opus predicts from earlier samples, so the parts differ slightly in their noise.
    if name == "opus.ogg":
        assert len(part) == len(expected)
        assert np.corrcoef(part, expected)[0, 1] > 0.999
    else:
        np.testing.assert_allclose(part, expected, atol=1e-6)


@pytest.mark.parametrize("name", ["a.m4a", "a.mp4", "a.aac", *SNDFILE, *LAME])
def test_a_part_equals_the_slice_of_the_whole_file(files: dict[str, Path], name: str) -> None:
    whole, rate = read_audio(files[name])
    for start_s in STARTS_S:
        start = round(start_s * rate)
        part = read_part(files[name], start / rate, start / rate + 0.5)
        check_same(part, whole[start : start + rate // 2], name)


def test_a_part_of_webm_is_exact_to_its_milliseconds(files: dict[str, Path]) -> None:
    whole, rate = read_audio(files["a.webm"])
    for start_s in STARTS_S:
        start = round(start_s * rate)
        part = read_part(files["a.webm"], start / rate, start / rate + 0.5)
        shifts = range(max(-start, -rate // 1000 - 1), rate // 1000 + 2)
        errors = [np.abs(part - whole[start + shift : start + shift + rate // 2]).mean() for shift in shifts]
        assert min(errors) < 1e-3, f"from {start_s} s"


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three minutes of Vorbis, in which libsndfile seeks in blocks of 64 KiB."""
    path = tmp_path_factory.mktemp("session") / "session.ogg"
    with soundfile.SoundFile(path, "w", RATE, 1, "VORBIS") as file:
        for _ in range(5):
            file.write(signal())  # writing everything at once would overflow the stack of libsndfile
    return path


# MP3 has no index: libsndfile reads the bytes before a part, though it does not decode them.
@pytest.mark.parametrize("name", ["a.m4a", "a.mp4", "a.webm", "a.wav", "a.flac", "session.ogg"])
def test_a_segment_does_not_read_the_recording(files: dict[str, Path], session: Path, name: str) -> None:
    path = files.get(name, session)
    before = bytes_read()
    samples, rate = read_source(AudioSource(str(path), ((20.0, 21.0),)))
    assert len(samples) == rate
    assert bytes_read() - before < 0.4 * path.stat().st_size


def bytes_read() -> int:
    """Bytes that this process has read so far, from any file."""
    fields = dict(line.split(": ") for line in Path("/proc/self/io").read_text().splitlines())
    return int(fields["rchar"])


@pytest.mark.parametrize("name", [*PYAV])
def test_a_segment_does_not_decode_the_recording(
    files: dict[str, Path], name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    decoded_s = []
    plain = PyAvReader._frames

    def counted(reader: PyAvReader, start: int) -> Iterator[tuple[int, av.AudioFrame]]:
        for position, frame in plain(reader, start):
            decoded_s.append(frame.samples / frame.sample_rate)
            yield position, frame

    monkeypatch.setattr(PyAvReader, "_frames", counted)
    read_source(AudioSource(str(files[name]), ((30.0, 31.0),)))
    # WebM can be entered only every five seconds.
    assert 1.0 <= sum(decoded_s) < (7.0 if name == "a.webm" else 2.0)


@pytest.mark.parametrize("name", ["a.m4a", "a.mp4", "a.aac", *SNDFILE, *LAME])
def test_many_spans_equal_slices_of_the_whole_file(files: dict[str, Path], name: str) -> None:
    # Close together, as after voice activity detection: decoding one span must not change the next.
    spans = [(start_s, start_s + 0.15) for start_s in (20.0, *np.arange(0.25, 3.0, 0.21).round(2), 0.05)]
    whole, rate = read_audio(files[name])
    joined, _ = read_source(AudioSource(str(files[name]), tuple(spans)))
    expected = np.concatenate([whole[round(start * rate) : round(end * rate)] for start, end in spans])
    check_same(joined, expected, name)


@pytest.mark.parametrize("name", [*SNDFILE, *PYAV])
def test_the_length_equals_the_decoded_length(files: dict[str, Path], name: str) -> None:
    whole, rate = read_audio(files[name])
    num_samples, header_rate = audio_length(files[name])
    assert header_rate == rate
    assert abs(num_samples - len(whole)) <= (0.01 * rate if name == "a.webm" else 0)


def test_headerless_gsm_is_decoded_from_its_beginning(tmp_path: Path) -> None:
    path = tmp_path / "a.gsm"
    soundfile.write(path, signal()[:16000], 8000, format="RAW", subtype="GSM610")
    whole, _ = read_audio(path)
    parts, _ = read_source(AudioSource(str(path), ((0.5, 0.6), (0.1, 0.2))))
    np.testing.assert_array_equal(parts, np.concatenate([whole[4000:4800], whole[800:1600]]))


def test_the_error_names_a_file_whose_rate_changes(files: dict[str, Path], tmp_path: Path) -> None:
    path = tmp_path / "joined.aac"
    write_pyav(tmp_path / "a.aac", *PYAV["a.aac"], signal()[: 2 * RATE], 8000)
    path.write_bytes(files["a.aac"].read_bytes() + (tmp_path / "a.aac").read_bytes())
    with pytest.raises(UserError, match=r"joined.aac: its channels or its sampling rate change midway; convert it"):
        read_audio(path)


@pytest.mark.parametrize("name", ["a.m4a", "a.aac", "a.webm", "a.flac"])
def test_the_error_names_a_segment_beyond_the_end(files: dict[str, Path], name: str) -> None:
    assert len(read_part(files[name], 39.5, 40.05)) > 0
    with pytest.raises(UserError, match=f"{name}: ends .* before a segment from 39.5 to 41 s"):
        read_part(files[name], 39.5, 41.0)
    with pytest.raises(UserError, match=f"{name}: ends .* before a segment from 60 to 61 s"):
        read_part(files[name], 60.0, 61.0)
