"""Folds by speaker, on sizes of real corpora."""

import random
from collections import Counter
from pathlib import Path

import pytest

from emotion_folds import set_of_fold, speaker_folds
from espnet_ext.kaldi.utterances import Utterance
from espnet_ext.utils.errors import UserError

EMOTIONS = ("angry", "disgusted", "fearful", "happy", "neutral", "sad")


def corpus(num_speakers: int, num_of_each: int = 3, uneven: bool = True) -> list[Utterance]:
    """Speakers of two genders; if uneven, each speaker has some emotions more often than others."""
    generator = random.Random(1)
    utterances = []
    for number in range(num_speakers):
        for emotion in EMOTIONS:
            for take in range(generator.randint(1, 2 * num_of_each - 1) if uneven else num_of_each):
                labels = {"emotion": emotion, "gender": ("female", "male")[number % 2]}
                name = f"s{number:03d}"
                utterances.append(Utterance(f"{name}-{emotion}{take}", name, Path("x.wav"), 1, "eng", labels=labels))
    return utterances


@pytest.mark.parametrize("num_folds", [3, 5, 10])
def test_every_speaker_is_in_one_fold_and_folds_have_the_overall_distribution(num_folds: int) -> None:
    utterances = corpus(91)
    folds = speaker_folds(utterances, num_folds, ("emotion", "gender"))
    assert set(folds) == {utterance.speaker for utterance in utterances}
    assert set(folds.values()) == set(range(1, num_folds + 1))
    for classes in ("emotion", "gender"):
        whole = Counter(utterance.labels[classes] for utterance in utterances)
        for fold in range(1, num_folds + 1):
            part = Counter(u.labels[classes] for u in utterances if folds[u.speaker] == fold)
            for name, count in whole.items():
                assert part[name] == pytest.approx(count / num_folds, rel=0.2)


def test_equal_speakers_are_distributed_by_gender(tmp_path: Path) -> None:
    utterances = corpus(24, uneven=False)
    folds = speaker_folds(utterances, 4, ("emotion", "gender"))
    genders = {utterance.speaker: utterance.labels["gender"] for utterance in utterances}
    assert Counter((fold, genders[speaker]) for speaker, fold in folds.items()) == {
        (fold, gender): 3 for fold in range(1, 5) for gender in ("female", "male")
    }


def test_the_order_of_the_utterances_does_not_matter() -> None:
    utterances = corpus(30)
    shuffled = random.Random(2).sample(utterances, len(utterances))
    assert speaker_folds(shuffled, 5, ("emotion",)) == speaker_folds(utterances, 5, ("emotion",))


def test_a_label_can_be_missing_for_some_speakers(tmp_path: Path) -> None:
    utterances = corpus(10)
    folds = speaker_folds(utterances, 5, ("emotion", "age"))
    assert Counter(folds.values()) == dict.fromkeys(range(1, 6), 2)


def test_too_few_speakers_or_utterances_are_an_error() -> None:
    with pytest.raises(UserError, match="4 speakers cannot make 5 folds; choose fewer with --num_folds"):
        speaker_folds(corpus(4), 5, ("emotion",))
    with pytest.raises(UserError, match="no class has an utterance for each of 9 folds"):
        speaker_folds(corpus(10, num_of_each=1), 9, ("emotion", "gender"))


def test_parts_of_a_round() -> None:
    assert [set_of_fold(fold, 1, 5) for fold in range(1, 6)] == ["test", "dev", "train", "train", "train"]
    assert [set_of_fold(fold, 5, 5) for fold in range(1, 6)] == ["dev", "train", "train", "train", "test"]
    for fold in range(1, 6):
        tested = [set_of_fold(fold, test, 5) for test in range(1, 6)]
        assert sorted(tested) == ["dev", "test", "train", "train", "train"]
