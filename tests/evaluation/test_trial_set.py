"""Trial lists as row numbers: their utterances and speakers."""

from pathlib import Path

import pytest

from espnet_ext.evaluation.trial_set import TrialSet, read_trial_set
from espnet_ext.kaldi.scp import write_scp
from espnet_ext.utils.errors import UserError

UTT2SPK = {"a-1": "a", "a-2": "a", "b-1": "b", "c-1": "c", "c-2": "c"}
LISTS = {"O": [(1, "c-2", "c-1"), (0, "c-2", "a-1")], "O-original": [(0, "a-1", "c-1"), (1, "c-1", "c-2")]}


@pytest.fixture
def dump(tmp_path: Path) -> Path:
    write_scp(tmp_path / "set/utt2spk", UTT2SPK)
    (tmp_path / "set/trials").mkdir()
    for name, trials in LISTS.items():
        lines = [f"{label} {enrol} {test}\n" for label, enrol, test in trials]
        (tmp_path / "set/trials" / name).write_text("".join(lines))
    return tmp_path / "set"


def restore_lists(trials: TrialSet) -> dict[str, list[tuple[int, str, str]]]:
    """Convert row numbers back to trial lists."""
    names = trials.utterances
    return {
        one.name: [(int(la), names[e], names[t]) for la, e, t in zip(one.labels, one.enrol, one.test, strict=True)]
        for one in trials.lists
    }


def test_rows_are_the_utterances_of_the_lists(dump: Path) -> None:
    trials = read_trial_set(dump)
    assert restore_lists(trials) == LISTS
    assert trials.utterances == ["a-1", "c-1", "c-2"]
    assert trials.speakers.tolist() == ["a", "c", "c"]
    assert trials.speaker_numbers.tolist() == [0, 1, 1]


def test_speakers_in_no_trial_can_be_in_other_sets(dump: Path) -> None:
    trials = read_trial_set(dump)
    trials.check_disjoint(["b", "x"], "the cohort set y")
    with pytest.raises(UserError, match="2 speakers of set are also in the cohort set y, the first a"):
        trials.check_disjoint(["c", "b", "a"], "the cohort set y")


@pytest.mark.parametrize(("name", "message"), [("utt2spk", "needs utt2spk"), ("trials", "no trial list")])
def test_a_set_without_trials_or_speakers_is_refused(dump: Path, name: str, message: str) -> None:
    (dump / name).rename(dump / "gone")
    with pytest.raises(UserError, match=message):
        read_trial_set(dump)
