"""Trial lists name our utterances, no trial is lost, and held-out speakers depend only on names."""

from collections import Counter
from pathlib import Path

import pytest

from espnet_ext.corpora.voxceleb import parse_voxceleb
from espnet_ext.corpora.voxceleb_trials import LISTS, check_known, read_trial_list
from espnet_ext.kaldi.excluded import Exclusions
from espnet_ext.kaldi.trials import Trial
from espnet_ext.kaldi.utterances import Utterance
from espnet_ext.utils.errors import UserError
from helpers.clips import tones
from helpers.voxceleb_tree import write_voxceleb1
from voxceleb_sets import hold_out_speakers, make_dev_trials, spread_over_videos


@pytest.fixture
def root(tmp_path: Path) -> Path:
    write_voxceleb1(
        tmp_path, tones(["ann", "bob"], ["eng"], ["a", "b", "c"]), tones(["cid", "dan"], ["eng"], ["d", "e"])
    )
    return tmp_path


def make_utterances(num_speakers: int, num_videos: int, per_video: int) -> list[Utterance]:
    return [
        Utterance(f"v-{s}-{v}-{u}", f"v-{s}", Path("x"), 1, "und", labels={"video": f"video{s}_{v}"})
        for s in range(num_speakers)
        for v in range(num_videos)
        for u in range(per_video)
    ]


def test_every_list_names_utterances_of_the_parser(root: Path) -> None:
    known = {u.id for part in ("dev", "test") for u in parse_voxceleb(root, "voxceleb1", part, Exclusions(), 1)}
    sizes = {}
    for name, file in LISTS.items():
        trials = read_trial_list(root / file)
        check_known(trials, known, root / file)
        sizes[name] = len(trials)
    # 4 test utterances make 6 pairs, all 10 make 45; the hard list has every second one.
    assert sizes == {"O": 5, "O-original": 6, "E": 44, "E-original": 45, "H": 22, "H-original": 23}


def test_ids_with_dashes_and_underscores_are_not_split(tmp_path: Path) -> None:
    path = tmp_path / "list.txt"
    path.write_text("1 id10270/-_x-Wx_7C8-/00001.wav id10270/5r0dWxy17C8/00002.wav\n")
    assert read_trial_list(path) == [
        Trial(True, "voxceleb1-id10270--_x-Wx_7C8--00001", "voxceleb1-id10270-5r0dWxy17C8-00002")
    ]


def test_the_error_of_an_unknown_trial_contains_list_and_line(root: Path) -> None:
    path = root / LISTS["O"]
    trials = read_trial_list(path)
    known = {name for trial in trials for name in trial[1:]}
    gone = trials[2].test
    first = next(n for n, trial in enumerate(trials, 1) if gone in trial)
    with pytest.raises(UserError, match=rf"veri_test2\.txt:{first}: utterance '{gone}' is not in VoxCeleb 1"):
        check_known(trials, known - {gone}, path)


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ("1 a/b/c.wav d/e/f.wav\n2 a/b/c.wav d/e/f.wav\n", r"list\.txt:2: expected `1\|0"),
        ("1 a/b/c.wav d/e/f.wav\n1 a/b/c.wav\n", r"list\.txt:2: expected"),
        ("1 a/b/c.wav d-e-f.wav\n", r"list\.txt:1: expected"),
        ("", r"list\.txt: the file is empty"),
    ],
)
def test_the_error_names_a_bad_list(tmp_path: Path, lines: str, message: str) -> None:
    path = tmp_path / "list.txt"
    path.write_text(lines)
    with pytest.raises(UserError, match=message):
        read_trial_list(path)


def test_dev_trials_pair_videos_and_balance_both_classes() -> None:
    utterances = make_utterances(num_speakers=6, num_videos=3, per_video=2)
    video = {u.id: u.labels["video"] for u in utterances}
    speaker = {u.id: u.speaker for u in utterances}
    trials = make_dev_trials(utterances)
    # 3 pairs of videos with 2 x 2 pairs of utterances, for each of 6 speakers.
    counts = Counter(trial.is_target for trial in trials)
    assert counts[True] == 6 * 12
    assert 0.9 * counts[True] < counts[False] <= counts[True]
    for trial in trials:
        assert trial.is_target == (speaker[trial.enrol] == speaker[trial.test])
        assert video[trial.enrol] != video[trial.test]
    assert len({trial[1:] for trial in trials}) == len(trials)
    assert trials == make_dev_trials(utterances[::-1])
    assert make_dev_trials(make_utterances(1, 3, 2)) == []


def test_held_out_speakers_depend_only_on_the_names() -> None:
    names = [f"id{n:05d}" for n in range(50)]
    drawn = hold_out_speakers(names, 10)
    assert len(drawn) == 10
    assert drawn == hold_out_speakers(names[::-1], 10)
    assert drawn < hold_out_speakers(names, 20), "more speakers keep those already held out"
    with pytest.raises(UserError, match="--num_valid_speakers 49: VoxCeleb 2 has 50 speakers here"):
        hold_out_speakers(names, 49)


def test_selected_utterances_are_from_as_many_videos_as_possible() -> None:
    utterances = make_utterances(num_speakers=2, num_videos=3, per_video=4)
    chosen = spread_over_videos(utterances, 5)
    for speaker in ("v-0", "v-1"):
        videos = Counter(u.labels["video"] for u in chosen if u.speaker == speaker)
        assert sorted(videos.values()) == [1, 2, 2]
    assert chosen == spread_over_videos(utterances[::-1], 5)
    assert spread_over_videos(utterances, 100) == sorted(utterances, key=lambda u: u.id)
