"""Recordings window by window: all the samples, none twice, and never more than a window in memory."""

from pathlib import Path

import numpy as np
import pytest
import soundfile

from espnet_ext.data import windows
from espnet_ext.data.audio import read_audio
from espnet_ext.data.segments import AudioSource
from espnet_ext.data.windows import read_windows
from espnet_ext.errors import UserError


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


def test_never_more_than_a_window_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wanted: list[int | None] = []
    plain = windows.read_audio

    def watched(path: Path, start: int, num_samples: int | None, **options: bool) -> tuple[np.ndarray, int]:
        wanted.append(num_samples)
        return plain(path, start, num_samples, **options)

    monkeypatch.setattr(windows, "read_audio", watched)
    path = write(tmp_path / "long.wav", noise(10_500))
    assert len(list(read_windows(path, 16_000, 1000, downmix=False))) == 11
    assert wanted == [1000] * 10 + [500]


@pytest.mark.parametrize("rate", [8000, 11_025, 44_100])
def test_another_rate_is_resampled_to_windows_that_fit(tmp_path: Path, rate: int) -> None:
    path = write(tmp_path / "a.wav", noise(3 * rate), rate)
    lengths = [len(window) for window in read_windows(path, 16_000, 10_000, downmix=False)]
    assert max(lengths) <= 10_000
    assert sum(lengths) == pytest.approx(48_000, abs=len(lengths))


def test_a_part_of_a_file_is_cut_as_its_samples_are(tmp_path: Path) -> None:
    samples = noise(10_500)[:, 0]
    path = write(tmp_path / "long.wav", samples)
    source = AudioSource(str(path), ((0.1, 0.2), (0.5, 0.55)))
    parts = list(read_windows(source, 16_000, 1000, downmix=False))
    assert [len(part) for part in parts] == [1000, 1000, 400]
    np.testing.assert_array_equal(np.concatenate(parts), np.concatenate([samples[1600:3200], samples[8000:8800]]))
    whole = list(read_windows(AudioSource(str(path)), 16_000, 20_000, downmix=False))
    np.testing.assert_array_equal(whole[0], samples)


def test_several_channels_are_averaged_only_when_asked_for(tmp_path: Path) -> None:
    stereo = noise(2500, channels=2)
    path = write(tmp_path / "stereo.wav", stereo)
    with pytest.raises(UserError, match="stereo.wav: 2 channels, expected 1"):
        list(read_windows(path, 16_000, 1000, downmix=False))
    mono = np.concatenate(list(read_windows(path, 16_000, 1000, downmix=True)))
    np.testing.assert_allclose(mono, stereo.mean(axis=1), atol=1e-7)


def test_a_format_without_seeking_is_decoded_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.g722").write_bytes(np.random.default_rng(0).integers(0, 256, 1000, dtype=np.uint8).tobytes())
    calls = []

    def counted(*args: object, **kwargs: object) -> tuple[np.ndarray, int]:
        calls.append(args)
        return read_audio(*args, **kwargs)

    monkeypatch.setattr(windows, "read_audio", counted)
    parts = list(read_windows(tmp_path / "a.g722", 16000, 600, False))
    assert [len(part) for part in parts] == [600, 600, 600, 200]
    np.testing.assert_array_equal(np.concatenate(parts), read_audio(tmp_path / "a.g722")[0])
    assert len(calls) == 1
