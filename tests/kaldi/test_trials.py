"""Trial lists: counts computed by hand, and pairs that must not be compared."""

from pathlib import Path

import pytest

from espnet_ext.kaldi.trials import Trial, iter_trials, make_trials, read_trials, write_trials
from espnet_ext.utils.errors import UserError

UTT2SPK = {"a-1": "a", "a-2": "a", "a-3": "a", "b-1": "b", "b-2": "b", "c-1": "c"}


def test_every_pair_is_a_trial_once() -> None:
    trials = make_trials(UTT2SPK, {}, max_nontarget=1000)
    assert sum(trial.is_target for trial in trials) == 3 + 1  # pairs of three, pairs of two
    assert sum(not trial.is_target for trial in trials) == 3 * 2 + 3 * 1 + 2 * 1
    assert all(trial.is_target == (UTT2SPK[trial.enrol] == UTT2SPK[trial.test]) for trial in trials)
    assert len({frozenset(trial[1:]) for trial in trials}) == len(trials)


def test_speakers_who_may_be_the_same_person_are_not_compared() -> None:
    trials = make_trials(UTT2SPK, {"a": "kde eng", "c": "kde eng"}, max_nontarget=1000)
    assert not any({UTT2SPK[trial.enrol], UTT2SPK[trial.test]} == {"a", "c"} for trial in trials)
    assert sum(not trial.is_target for trial in trials) == 3 * 2 + 2 * 1


def test_a_limit_keeps_every_target_trial_and_a_fixed_subset_of_the_others() -> None:
    everything = make_trials(UTT2SPK, {}, max_nontarget=1000)
    some = make_trials(dict(reversed(UTT2SPK.items())), {}, max_nontarget=4)
    assert [trial for trial in some if trial.is_target] == [trial for trial in everything if trial.is_target]
    assert sum(not trial.is_target for trial in some) == 4
    assert set(some) <= set(everything)
    assert set(some) <= set(make_trials(UTT2SPK, {}, max_nontarget=5))


def test_a_list_is_read_back_as_written(tmp_path: Path) -> None:
    trials = [Trial(True, "a-1", "a-2"), Trial(False, "a-1", "b-1")]
    write_trials(tmp_path / "list", trials)
    assert (tmp_path / "list").read_text() == "1 a-1 a-2\n0 a-1 b-1\n"
    assert read_trials(tmp_path / "list", UTT2SPK) == trials


def test_blanks_tabs_and_a_byte_order_mark_are_ignored(tmp_path: Path) -> None:
    (tmp_path / "list").write_text("\ufeff1\ta-1  a-2 \n 0 a-1\tb-1\t\n", encoding="utf-8")
    assert read_trials(tmp_path / "list", UTT2SPK) == [Trial(True, "a-1", "a-2"), Trial(False, "a-1", "b-1")]


def test_the_error_names_a_line_that_is_not_utf_8(tmp_path: Path) -> None:
    (tmp_path / "list").write_bytes(b"1 a-1 a-2\n1 a-1 \xff\n")
    with pytest.raises(UserError, match="list:2: not UTF-8"):
        read_trials(tmp_path / "list", UTT2SPK)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("1 a-1 a-2\n1 a-1 x-9\n", ":2: utterance 'x-9'"),
        ("1 a-1 a-2\ntrue a-1 a-2\n", ":2: expected"),
        ("1 a-1 a-2\n\n", ":2: expected"),
        ("1 a-1 a-2 a-3\n", ":1: expected"),
        ("1 a-1 a-2\n1 a-1\u00a0a-2\n", ":2: expected"),
        ("1 a-1 a-2\n1 a-1 a-2\u00a0\n", ":2: utterance 'a-2.xa0'"),
        ("", "no trials in the list"),
    ],
)
def test_an_error_in_a_list_names_its_line(tmp_path: Path, content: str, message: str) -> None:
    (tmp_path / "list").write_text(content)
    with pytest.raises(UserError, match=message):
        list(iter_trials(tmp_path / "list", UTT2SPK))
