"""Progress of work on audio: estimate, interim lines, bar and final throughput."""

import io

import pytest

from espnet_ext.utils import progress
from espnet_ext.utils.progress import audio_progress, format_duration, format_rate


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """A list whose single element is the current time."""
    now = [100.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])
    return now


def test_throughput_counts_only_work_of_this_run(now: list[float], capsys: pytest.CaptureFixture[str]) -> None:
    with audio_progress("dump/train: layers", 90.0) as advance:
        advance(0)
        advance(40.0)
        now[0] += 4
    expected = "  dump/train: layers: 40 of 90 s of audio in 4.0 s, 10 s of audio per second"
    assert expected in capsys.readouterr().err.splitlines()


def test_failed_work_prints_no_throughput(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(KeyError), audio_progress("work", 1.0) as advance:
        advance(1.0)
        raise KeyError
    assert "per second" not in capsys.readouterr().err


def test_the_estimate_is_printed_once_after_the_first_part(
    now: list[float], capsys: pytest.CaptureFixture[str]
) -> None:
    with audio_progress("layers [a]", 90.0, estimate=True) as advance:
        advance(0)
        for seconds, expected in (
            (2.0, "  estimate: about 3 min for 90 s of audio (0.5 s of audio per second)\n"),
            (8.0, ""),
        ):
            now[0] += 4
            advance(seconds)
            assert capsys.readouterr().err == expected
        now[0] += 12
        advance(0)
        assert capsys.readouterr().err == "  layers [a]: 0.5 s of audio per second, 160 s left\n"


def test_work_of_one_part_prints_no_estimate(now: list[float], capsys: pytest.CaptureFixture[str]) -> None:
    with audio_progress("layers", 3.0, estimate=True) as advance:
        now[0] += 2
        advance(3.0)
    assert capsys.readouterr().err == "  layers: 3 of 3 s of audio in 2.0 s, 1.5 s of audio per second\n"


@pytest.mark.parametrize(("amount", "expected"), [(0.04, "0.04"), (0.4, "0.4"), (6.54, "6.5"), (43.2, "43"), (0, "0")])
def test_a_slow_rate_has_two_digits(amount: float, expected: str) -> None:
    assert format_rate(2 * amount, 2.0) == expected


@pytest.mark.parametrize(("seconds", "expected"), [(40.4, "40 s"), (540, "9 min"), (12_600, "3.5 h")])
def test_a_duration_has_a_suitable_unit(seconds: float, expected: str) -> None:
    assert format_duration(seconds) == expected


class Terminal(io.StringIO):
    """A stream that is reported as a terminal."""

    def isatty(self) -> bool:
        return True


def test_the_bar_on_a_terminal_is_erased(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = Terminal()
    monkeypatch.setattr("sys.stderr", terminal)
    monkeypatch.setenv("COLUMNS", "100")
    with audio_progress("layers {a}", 30.0, estimate=True) as advance:
        advance(10.0)
    shown = terminal.getvalue()
    assert "  layers {a} " in shown and " 10/30 s of audio " in shown
    # The bar is erased before a line is printed.
    assert shown.split("\r")[-1].startswith("  layers {a}: 10 of 30 s of audio in ")
    assert "\r  estimate: about " in shown
