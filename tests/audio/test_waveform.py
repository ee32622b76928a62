"""Exact decoding of every format, and one error line for every kind of invalid file."""

from pathlib import Path

import av
import numpy as np
import pytest
import soundfile

from espnet_ext.audio.waveform import (
    AudioSource,
    audio_length,
    read_audio,
    read_source,
    resample,
    samples_at_16k,
    to_int16,
    write_flac,
)
from espnet_ext.audio.windows import read_windows
from espnet_ext.utils.errors import UserError

PCM = np.random.default_rng(0).integers(-20000, 20000, 4000).astype(np.int16)


def sine(num_samples: int, rate: int, frequency: float = 440.0) -> np.ndarray:
    """float64 (samples,) of amplitude 0.5."""
    return 0.5 * np.sin(2 * np.pi * frequency * np.arange(num_samples) / rate)


def write_g722(path: Path, samples: np.ndarray) -> bytes:
    """Encode float (samples,) at 16 kHz with PyAV."""
    encoder = av.CodecContext.create("g722", "w")
    encoder.sample_rate, encoder.format, encoder.layout = 16000, "s16", "mono"
    frame = av.AudioFrame.from_ndarray(to_int16(samples)[None, :], format="s16", layout="mono")
    frame.sample_rate = 16000
    data = b"".join(bytes(packet) for packet in [*encoder.encode(frame), *encoder.encode(None)])
    path.write_bytes(data)
    return data


@pytest.mark.parametrize("suffix", [".wav", ".flac"])
def test_lossless_formats_give_their_samples(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"with space{suffix}"
    soundfile.write(path, PCM, 22050, subtype="PCM_16")
    samples, rate = read_audio(path)
    assert (rate, samples.dtype) == (22050, np.float32)
    np.testing.assert_array_equal(samples, PCM / np.float32(32768))
    assert audio_length(path) == (4000, 22050)


@pytest.mark.parametrize("suffix", [".ogg", ".mp3"])
def test_lossy_formats_stay_close(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"a{suffix}"
    soundfile.write(path, sine(16000, 16000), 16000)
    samples, rate = read_audio(path)
    assert rate == 16000
    assert abs(np.abs(np.fft.rfft(samples)).argmax() * 16000 / len(samples) - 440) < 2
    assert abs(samples.std() - 0.5 / np.sqrt(2)) < 0.02


def test_g722_decodes_as_with_the_bare_codec(tmp_path: Path) -> None:
    data = write_g722(tmp_path / "a.g722", sine(16000, 16000))
    decoder = av.CodecContext.create("g722", "r")
    decoder.layout = "mono"
    decoded = [frame.to_ndarray() for frame in decoder.decode(av.Packet(data))]
    samples, rate = read_audio(tmp_path / "a.g722")
    assert rate == 16000
    np.testing.assert_array_equal(samples, np.concatenate(decoded, axis=1)[0] / np.float32(32768))
    assert audio_length(tmp_path / "a.g722") == (2 * len(data), 16000) == (len(samples), 16000)


def test_g722_decodes_to_the_encoded_signal(tmp_path: Path) -> None:
    original = sine(16000, 16000)
    write_g722(tmp_path / "a.g722", original)
    samples, _ = read_audio(tmp_path / "a.g722")
    # The codec's two filter banks delay by 22 samples.
    error = samples[1022:] - original[1000:-22]
    assert 10 * np.log10(np.mean(original**2) / np.mean(error**2)) > 20


def test_gsm_without_a_header_is_decoded(tmp_path: Path) -> None:
    original = sine(1600, 8000)
    soundfile.write(tmp_path / "a.gsm", original, 8000, format="RAW", subtype="GSM610")
    samples, rate = read_audio(tmp_path / "a.gsm")
    assert (len(samples), rate) == (1600, 8000)
    assert np.corrcoef(samples, original)[0, 1] > 0.95
    assert samples_at_16k(tmp_path / "a.gsm") == 3200


def test_m4a_is_decoded_with_pyav(tmp_path: Path) -> None:
    with av.open(str(tmp_path / "a.m4a"), "w") as container:
        stream = container.add_stream("aac", rate=16000, layout="mono")
        frame = av.AudioFrame.from_ndarray(sine(16000, 16000).astype(np.float32)[None], "fltp", "mono")
        frame.sample_rate = 16000
        container.mux([*stream.encode(frame), *stream.encode(None)])
    samples, rate = read_audio(tmp_path / "a.m4a")
    assert rate == 16000
    assert abs(np.abs(np.fft.rfft(samples)).argmax() * 16000 / len(samples) - 440) < 2


@pytest.mark.parametrize("name", ["a.wav", "a.g722"])
def test_a_part_equals_the_slice_of_the_whole_file(tmp_path: Path, name: str) -> None:
    if name.endswith("wav"):
        soundfile.write(tmp_path / name, PCM, 16000)
    else:
        write_g722(tmp_path / name, sine(4000, 16000))
    whole, _ = read_audio(tmp_path / name)
    part, _ = read_source(AudioSource(str(tmp_path / name), ((1000 / 16000, 1500 / 16000),)))
    np.testing.assert_array_equal(part, whole[1000:1500])
    with pytest.raises(UserError, match=f"{name}: ends 0.125 s before a segment from 0.1875 to 0.375 s"):
        read_source(AudioSource(str(tmp_path / name), ((0.1875, 0.375),)))


def test_channels_are_averaged_only_when_allowed(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", np.stack([PCM, PCM // 2], axis=1), 16000)
    with pytest.raises(UserError, match=r"a\.wav: 2 channels, expected 1"):
        read_audio(tmp_path / "a.wav")
    samples, _ = read_audio(tmp_path / "a.wav", downmix=True)
    np.testing.assert_allclose(samples, (PCM / 32768 + (PCM // 2) / 32768) / 2, atol=1e-7)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_samples_that_are_not_finite_are_refused(tmp_path: Path, value: float) -> None:
    samples = np.zeros(100, np.float32)
    samples[42] = value
    soundfile.write(tmp_path / "a.wav", samples, 16000, subtype="FLOAT")
    with pytest.raises(UserError, match=r"a\.wav: sample 42 is not a finite number"):
        read_audio(tmp_path / "a.wav")


@pytest.mark.parametrize("scale", [32768, 1e38])
@pytest.mark.parametrize("subtype", ["FLOAT", "DOUBLE"])
def test_samples_far_beyond_full_scale_are_refused(tmp_path: Path, scale: float, subtype: str) -> None:
    path = tmp_path / "a.wav"
    samples = np.append(np.zeros(5), PCM / 32768)
    soundfile.write(path, samples * scale, 16000, subtype=subtype)
    for read in (
        read_audio,
        lambda path: read_source(AudioSource(str(path), ((0.0, 0.2),))),
        lambda path: list(read_windows(path, 16_000, 1000, False)),
    ):
        with pytest.raises(UserError, match=r"a\.wav: sample 5 is \S+, far beyond \[-1, 1\]"):
            read(path)
    soundfile.write(path, samples * 9, 16000, subtype=subtype)  # louder than full scale, but a valid recording
    np.testing.assert_allclose(read_audio(path)[0], samples * 9, rtol=1e-6)


@pytest.mark.parametrize("name", ["a.wav", "a.flac", "a.mp3", "a.m4a", "a.ogg"])
def test_the_error_names_a_file_that_does_not_decode(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"this is no audio at all" * 10)
    with pytest.raises(UserError, match=f"{name}: cannot decode audio"):
        read_audio(tmp_path / name)


@pytest.mark.parametrize("name", ["a.wav", "a.g722", "a.gsm"])
def test_the_error_names_an_empty_file(tmp_path: Path, name: str) -> None:
    (tmp_path / name).touch()
    for read in (read_audio, audio_length):
        with pytest.raises(UserError, match=f"{name}: empty audio file"):
            read(tmp_path / name)


def test_the_error_names_a_file_without_samples(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "a.wav", np.empty(0, np.int16), 16000)
    with pytest.raises(UserError, match=r"a\.wav: no samples in the file; it is cut or empty"):
        read_audio(tmp_path / "a.wav")


def test_the_error_names_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"a\.wav: no such audio file"):
        read_audio(tmp_path / "a.wav")
    with pytest.raises(UserError, match="aaa: no such audio file"):
        read_audio(tmp_path / ("a" * 300))


@pytest.mark.parametrize("error", [TypeError("a bug"), RuntimeError(), MemoryError(), ZeroDivisionError("x")])
def test_any_error_of_a_decoder_names_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def fail(*args: object, **options: object) -> None:
        raise error

    write_g722(tmp_path / "a.g722", sine(1600, 16000))
    soundfile.write(tmp_path / "a.wav", PCM, 16000)
    monkeypatch.setattr(soundfile.SoundFile, "read", fail)
    monkeypatch.setattr(av, "AudioFifo", fail)
    for name in ("a.wav", "a.g722"):
        with pytest.raises(UserError, match=f"{name}: cannot decode audio: {type(error).__name__}"):
            read_audio(tmp_path / name)


@pytest.mark.parametrize("suffix", [".flac", ".gsm", ".wav"])
def test_the_error_names_a_truncated_file(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"a{suffix}"
    if suffix == ".gsm":
        soundfile.write(path, sine(1600, 8000), 8000, format="RAW", subtype="GSM610")
    else:
        soundfile.write(path, PCM, 16000)
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 2 // 3])
    with pytest.raises(UserError, match=f"a{suffix}: "):
        read_audio(path)


def test_resampling_keeps_a_tone(tmp_path: Path) -> None:
    low = sine(8000, 8000).astype(np.float32)
    high = resample(low, 8000)
    assert (high.dtype, len(high)) == (np.float32, 16000)
    np.testing.assert_allclose(high[1000:-1000], sine(16000, 16000)[1000:-1000], atol=1e-3)
    assert resample(low, 16000) is low


def test_int16_is_exact_and_clipped() -> None:
    every = np.arange(-32768, 32768, dtype=np.int16)
    np.testing.assert_array_equal(to_int16(every / np.float32(32768)), every)
    np.testing.assert_array_equal(to_int16(np.array([1.5, -1.5, 1.0])), [32767, -32768, 32767])
    assert to_int16(every) is every


def test_flac_bytes_are_reproducible(tmp_path: Path) -> None:
    for name in "ab":
        write_flac(tmp_path / name, PCM / np.float32(32768))
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    np.testing.assert_array_equal(soundfile.read(tmp_path / "a", dtype="int16")[0], PCM)


def test_a_full_disk_raises_an_os_error_with_its_reason() -> None:
    with pytest.raises(OSError, match="No space left"):
        write_flac("/dev/full", PCM / np.float32(32768))
