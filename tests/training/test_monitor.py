"""The progress line of training: finished batches, rate and time left."""

import pytest
import torch

from espnet_ext.training import monitor
from espnet_ext.training.monitor import TrainingProgress


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """A list whose single element is the current time."""
    now = [100.0]
    monkeypatch.setattr(monitor.time, "monotonic", lambda: now[0])
    return now


def test_a_line_has_the_seconds_of_audio_and_the_time_left(
    clock: list[float], capsys: pytest.CaptureFixture[str]
) -> None:
    training = TrainingProgress(num_epochs=3, num_batches=4, sampling_rate=16_000, hop_samples=320)
    training.start_epoch(2)  # a resumed run: earlier batches are neither counted nor timed
    clock[0] += 5
    training.count({"speech_lengths": torch.tensor([16_000, 32_000])})
    assert capsys.readouterr().out == ""
    clock[0] += 11
    training.count({"layers_lengths": torch.tensor([50, 50])})
    # 3 + 2 s of audio in 16 s; 8 s a batch, 2 + 4 batches left.
    assert capsys.readouterr().out == "  epoch 2/3, batch 2/4, 0.31 s of audio per second, 48 s left\n"


def test_the_last_batch_is_always_printed(clock: list[float], capsys: pytest.CaptureFixture[str]) -> None:
    training = TrainingProgress(num_epochs=1, num_batches=1, sampling_rate=16_000, hop_samples=320)
    training.start_epoch(1)
    clock[0] += 2
    training.count({"speech_lengths": torch.tensor([64_000])})
    assert capsys.readouterr().out == "  epoch 1/1, batch 1/1, 2 s of audio per second, 0 s left\n"


def test_the_estimate_excludes_the_first_batch(clock: list[float], capsys: pytest.CaptureFixture[str]) -> None:
    training = TrainingProgress(num_epochs=15, num_batches=100, sampling_rate=16_000, hop_samples=320)
    training.start_epoch(1)
    printed = []
    for seconds in (12, 0.1, 0.2, 0.3, 0.4, 0.8, 0.1):
        clock[0] += seconds
        training.count({"speech_lengths": torch.tensor([16_000 * 60])})
        printed.append(capsys.readouterr().out)
    # 0.36 s for each of 1500 batches.
    expected = "  estimate: about 9 min for 1500 batches (from 5 timed batches, 167 s of audio per second)\n"
    assert printed == [""] * 5 + [expected, ""]


def test_a_run_that_resumes_estimates_its_own_batches(clock: list[float], capsys: pytest.CaptureFixture[str]) -> None:
    training = TrainingProgress(num_epochs=3, num_batches=10, sampling_rate=16_000, hop_samples=320)
    training.start_epoch(2)
    for _ in range(6):
        clock[0] += 2
        training.count({"speech_lengths": torch.tensor([12_800])})
    expected = "  estimate: about 40 s for 20 batches (from 5 timed batches, 0.4 s of audio per second)\n"
    assert capsys.readouterr().out == expected


def test_a_finished_training_prints_no_estimate(clock: list[float], capsys: pytest.CaptureFixture[str]) -> None:
    training = TrainingProgress(num_epochs=1, num_batches=6, sampling_rate=16_000, hop_samples=320)
    training.start_epoch(1)
    for _ in range(6):
        clock[0] += 2
        training.count({"speech_lengths": torch.tensor([16_000])})
    assert capsys.readouterr().out == "  epoch 1/1, batch 6/6, 0.5 s of audio per second, 0 s left\n"
