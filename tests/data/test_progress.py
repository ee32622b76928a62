"""The progress of work on audio ends with one line of its throughput."""

import pytest

from espnet_ext.data import progress
from espnet_ext.data.progress import audio_progress


def test_only_what_was_done_now_counts_as_throughput(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    now = [100.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])
    with audio_progress("dump/train: layers", 90.0) as advance:
        advance(0)
        advance(40.0)
        now[0] += 4
    expected = "  dump/train: layers: 40 of 90 s of audio in 4.0 s, 10 s of audio per second"
    assert expected in capsys.readouterr().err.splitlines()


def test_work_that_fails_claims_no_throughput(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(KeyError), audio_progress("work", 1.0) as advance:
        advance(1.0)
        raise KeyError
    assert "per second" not in capsys.readouterr().err
