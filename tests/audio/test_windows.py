"""Recordings in windows: every sample once, and one window in memory."""

from pathlib import Path

import numpy as np
import pytest
import soundfile

from espnet_ext.audio import reader, waveform
from espnet_ext.audio.waveform import AudioSource, read_audio
from espnet_ext.audio.windows import read_windows
from espnet_ext.utils.errors import UserError
from helpers.pyav_files import write_pyav


def noise(num_samples: int, channels: int = 1) -> np.ndarray:
    return np.random.default_rng(0).uniform(-0.5, 0.5, (num_samples, channels)).astype(np.float32)


def write(path: Path, samples: np.ndarray, rate: int = 16_000) -> Path:
    soundfile.write(path, samples, rate, subtype="FLOAT")
    return path


@pytest.mark.parametrize("num_samples", [999, 1000, 1001, 3000, 3500])
def test_a_file_and_an_array_give_the_same_windows(tmp_path: Path, num_samples: int) -> None:
    samples = noise(num_samples)[:, 0]
    of_array = list(read_windows(samples, 16_000, 1000, downmix=False))
    of_file = list(read_windows(write(tmp_path / "a.wav", samples), 16_000, 1000, downmix=False))
    assert [len(window) for window in of_file[:-1]] == [1000] * (len(of_file) - 1)
    np.testing.assert_array_equal(np.concatenate(of_file), samples)
    for one, other in zip(of_array, of_file, strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_file_is_decoded_once_and_in_blocks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reader, "BLOCK_VALUES", 2400)
    expected: list[int] = []
    plain = soundfile.SoundFile.read

    def watched(self: soundfile.SoundFile, frames: int = -1, *args: object, **options: object) -> np.ndarray:
        expected.append(frames)
        return plain(self, frames, *args, **options)

    monkeypatch.setattr(soundfile.SoundFile, "read", watched)
    monkeypatch.setattr(soundfile.SoundFile, "seek", None)
    path = write(tmp_path / "long.wav", noise(10_500, channels=2))
    assert [len(window) for window in read_windows(path, 16_000, 1000, downmix=True)] == [1000] * 10 + [500]
    assert expected == [1200] * 8 + [900]


@pytest.mark.parametrize("rate", [8000, 11_025, 44_100])
def test_another_rate_is_resampled_to_seamless_windows(tmp_path: Path, rate: int) -> None:
    path = write(tmp_path / "a.wav", noise(3 * rate), rate)
    lengths = [len(window) for window in read_windows(path, 16_000, 10_000, downmix=False)]
    assert max(lengths) <= 10_000
    assert sum(lengths) == pytest.approx(48_000, abs=len(lengths))


def test_a_part_of_a_file_is_cut_into_windows(tmp_path: Path) -> None:
    samples = noise(10_500)[:, 0]
    path = write(tmp_path / "long.wav", samples)
    source = AudioSource(str(path), ((0.1, 0.2), (0.5, 0.55)))
    parts = list(read_windows(source, 16_000, 1000, downmix=False))
    assert [len(part) for part in parts] == [1000, 1000, 400]
    np.testing.assert_array_equal(np.concatenate(parts), np.concatenate([samples[1600:3200], samples[8000:8800]]))
    whole = list(read_windows(AudioSource(str(path)), 16_000, 20_000, downmix=False))
    np.testing.assert_array_equal(whole[0], samples)


def test_several_channels_are_averaged_only_with_downmix(tmp_path: Path) -> None:
    stereo = noise(2500, channels=2)
    path = write(tmp_path / "stereo.wav", stereo)
    with pytest.raises(UserError, match="stereo.wav: 2 channels, expected 1"):
        list(read_windows(path, 16_000, 1000, downmix=False))
    mono = np.concatenate(list(read_windows(path, 16_000, 1000, downmix=True)))
    np.testing.assert_allclose(mono, stereo.mean(axis=1), atol=1e-7)


@pytest.mark.parametrize("name", ["a.m4a", "a.mp3", "a.g722"])
def test_windows_of_compressed_formats_equal_the_whole_file(
    tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture
) -> None:
    path = tmp_path / name
    container_format, codec = {"a.m4a": ("ipod", "aac"), "a.mp3": ("mp3", "libmp3lame"), "a.g722": ("g722", "g722")}[
        name
    ]
    write_pyav(path, container_format, codec, noise(50_000)[:, 0])
    whole, _ = read_audio(path)
    lengths: list[int] = []
    plain = waveform.check_samples

    def watched(samples: np.ndarray, *args: object) -> None:
        lengths.append(len(samples))
        plain(samples, *args)

    monkeypatch.setattr(waveform, "check_samples", watched)
    monkeypatch.setattr(reader, "BLOCK_VALUES", 4000)
    parts = list(read_windows(path, 16_000, 6000, downmix=False))
    assert [len(part) for part in parts[:-1]] == [6000] * (len(whole) // 6000)
    np.testing.assert_array_equal(np.concatenate(parts), whole)
    assert max(lengths) < 6000  # a block and a frame
    assert sum(lengths) == len(whole)
    assert capfd.readouterr().err == ""


def test_the_error_names_a_file_without_samples(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"a\.wav: no samples in the file"):
        list(read_windows(write(tmp_path / "a.wav", noise(0)), 16_000, 1000, downmix=False))
