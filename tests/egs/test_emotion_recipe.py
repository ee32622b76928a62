"""A recipe with labels only: from corpora in their real layout to tables, on tones whose pitch is the emotion."""

import json
from collections import Counter

import pandas as pd

from espnet_ext.kaldi.scp import read_scp
from helpers.emotion_recipe import EmotionRecipe

MODEL = "exp/utt_emotion/joint"
RESULTS = "exp/utt_emotion/results"


def test_the_recipe_has_neither_texts_nor_teachers(emotion: EmotionRecipe) -> None:
    targets = json.loads((emotion.path / "dump/test/target_emotion.json").read_text())
    assert (targets["from"], targets["num_missing"], targets["num_unknown"]) == ("labels", 0, 0)
    train = Counter(read_scp(emotion.path / "data/train/utt2emotion").values())
    assert targets["classes"] == dict(sorted(train.items())), "the classes are those of training"


def test_emotions_of_unseen_voices_are_recognized(emotion: EmotionRecipe) -> None:
    curves = pd.read_csv(emotion.path / MODEL / "curves.tsv", sep="\t")
    accuracy = curves[(curves.key == "acc_emotion") & (curves.split == "valid")].value.iloc[-1]
    # 8 classes; predicting only the most frequent class is right for a fifth.
    assert accuracy > 0.35


def test_the_test_set_is_scored(emotion: EmotionRecipe) -> None:
    results = pd.read_csv(emotion.path / RESULTS / "results.tsv", sep="\t")
    own = results[(results.system == "emotion") & (results.task == "classification") & (results.set == "test")]
    figures = own[own.metric.str.contains("accuracy")]
    assert len(figures) > 0
    assert figures.value.between(0, 100).all()
    assert (emotion.path / RESULTS / "RESULTS.md").is_file()


def test_another_fold_evaluates_other_speakers(emotion: EmotionRecipe) -> None:
    before = set(read_scp(emotion.path / "data/test/utt2spk").values())
    emotion.run_on("crema_d", "ravdess", "iemocap", options=("--fold", "3", "--stop-stage", "1"))
    after = set(read_scp(emotion.path / "data/test/utt2spk").values())
    assert before.isdisjoint(after)
    assert {speaker for speaker in after if speaker.startswith("iemocap")} == {"iemocap-Ses03F", "iemocap-Ses03M"}


def test_bad_options_give_one_error_line(emotion: EmotionRecipe) -> None:
    output = emotion.run_on("iemocap", options=("--num_folds", "10", "--stop-stage", "1"), status=1)
    lines = [line for line in output.splitlines() if line.startswith("error: ")]
    assert lines == ["error: --num_folds 10: the folds of IEMOCAP are its sessions; give --num_folds 5"]
    output = emotion.run_on(options=("--stop-stage", "1"), status=1)
    assert "error: no corpus given; name the folder of at least one: --crema_d --ravdess --iemocap" in output
