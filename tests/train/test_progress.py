"""The progress line of training: what was done, the rate, the time left."""

import pytest
import torch

from espnet_ext.train import progress
from espnet_ext.train.progress import TrainingProgress


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Its one element is the time."""
    now = [100.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])
    return now


def test_seconds_of_audio_and_time_left(clock: list[float], capsys: pytest.CaptureFixture[str]) -> None:
    training = TrainingProgress(num_epochs=3, num_batches=4, sampling_rate=16_000, hop_samples=320)
    training.start_epoch(2)  # a resumed run: what came before is neither counted nor timed
    clock[0] += 5
    training.count({"speech_lengths": torch.tensor([16_000, 32_000])})
    assert capsys.readouterr().out == ""
    clock[0] += 11
    training.count({"layers_lengths": torch.tensor([50, 50])})
    # 3 + 2 s of audio in 16 s; 8 s a batch, 2 + 4 batches left.
    assert capsys.readouterr().out == "  epoch 2/3, batch 2/4, 0 s of audio per second, 48 s left\n"


def test_the_last_batch_is_always_printed(clock: list[float], capsys: pytest.CaptureFixture[str]) -> None:
    training = TrainingProgress(num_epochs=1, num_batches=1, sampling_rate=16_000, hop_samples=320)
    training.start_epoch(1)
    clock[0] += 2
    training.count({"speech_lengths": torch.tensor([64_000])})
    assert capsys.readouterr().out == "  epoch 1/1, batch 1/1, 2 s of audio per second, 0 s left\n"
