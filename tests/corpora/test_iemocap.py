"""Parser of IEMOCAP: one fixture for each irregularity."""

from collections import Counter
from pathlib import Path

import pytest

from espnet_ext.corpora.iemocap import chosen_emotions, parse_iemocap
from espnet_ext.kaldi.excluded import Exclusions
from espnet_ext.kaldi.utterances import Utterance
from espnet_ext.utils.errors import UserError
from helpers.iemocap_tree import write_iemocap

FOUR = chosen_emotions("four", merge_excited=True)
NAMES = {"ang": "angry", "hap": "happy", "exc": "happy", "sad": "sad", "neu": "neutral"}


def parse(root: Path, classes: dict[str, str] = FOUR, **options) -> tuple[dict[str, Utterance], Exclusions]:
    """Utterances by their turn."""
    excluded = Exclusions()
    utterances = parse_iemocap(root, classes, excluded, 1, **options)
    return {utterance.path.stem: utterance for utterance in utterances}, excluded


def test_the_four_classes_are_read(tmp_path: Path) -> None:
    written = write_iemocap(tmp_path)
    found, excluded = parse(tmp_path)
    assert {turn: (u.labels["emotion"], u.num_samples) for turn, u in found.items()} == {
        turn: (NAMES[emotion], num_samples) for turn, (emotion, num_samples) in written.items() if emotion in NAMES
    }
    assert excluded.counts() == {"another emotion": 40, "evaluators disagree": 20, "not evaluated": 1}


def test_only_selected_emotions_are_kept() -> None:
    assert chosen_emotions("four", merge_excited=False) == {
        "angry": "angry", "happy": "happy", "neutral": "neutral", "sad": "sad"
    }  # fmt: skip
    assert FOUR["excited"] == "happy"
    every = chosen_emotions("all", merge_excited=False)
    assert set(every) == {
        "angry", "disgusted", "excited", "fearful", "frustrated", "happy", "neutral", "sad", "surprised"
    }  # fmt: skip
    assert set(every.values()) == set(every)
    assert chosen_emotions("all", merge_excited=True)["excited"] == "happy"


def test_all_agreed_emotions_can_be_kept(tmp_path: Path) -> None:
    write_iemocap(tmp_path)
    found, excluded = parse(tmp_path, chosen_emotions("all", merge_excited=False))
    assert Counter(utterance.labels["emotion"] for utterance in found.values()) == dict.fromkeys(
        ("angry", "happy", "excited", "sad", "neutral", "frustrated"), 20
    )
    assert excluded.counts() == {"another emotion": 20, "evaluators disagree": 20, "not evaluated": 1}


def test_the_speaker_is_the_person_who_speaks_and_not_the_one_with_markers(tmp_path: Path) -> None:
    write_iemocap(tmp_path)
    found, _ = parse(tmp_path)
    one = found["Ses01F_impro01_M000"]
    assert (one.id, one.speaker) == ("iemocap-Ses01M-Ses01F_impro01_M000", "iemocap-Ses01M")
    assert one.labels == {
        "emotion": "angry", "gender": "male", "session": "1", "valence": "2.5", "activation": "1", "dominance": "3.6667"
    }  # fmt: skip
    assert Counter(u.speaker for u in found.values()) == {
        f"iemocap-Ses0{session}{letter}": 10 for session in range(1, 6) for letter in "FM"
    }


def test_texts_have_no_noises_or_directions(tmp_path: Path) -> None:
    write_iemocap(tmp_path)
    found, _ = parse(tmp_path)
    assert found["Ses01F_impro01_M000"].text == "Well, M is ang."
    assert found["Ses05M_script01_1b_F003"].text == "Well, F is sad."
    assert found["Ses01F_impro01_F000"].text is None, "only laughter"
    assert sum(utterance.text is None for utterance in found.values()) == 1
    assert all(utterance.sentence is None for utterance in found.values())


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("[1.0 - 2.0]\tSes01F_impro01_F090\tjoy\t[2.5, 2.5, 2.5]", r"Ses01F_impro01\.txt:67: emotion 'joy' is none of"),
        ("[1.0 - 2.0]\tSes01F_impro02_F090\tang\t[2.5, 2.5, 2.5]", r"expected `\[start - end\] Ses01F_impro01_F000"),
        ("[1.0 - 2.0]\tSes01F_impro01_F090\tang", r":67: expected .*, found '\[1\.0 - 2\.0\]\\tSes01F_impro01_F090"),
        ("[1.0 - 2.0]\tSes01F_impro01_X090\tang\t[2.5, 2.5, 2.5]", r"Ses01F_impro01\.txt:67: expected"),
    ],
)
def test_the_error_names_an_invalid_summary(tmp_path: Path, line: str, message: str) -> None:
    write_iemocap(tmp_path)
    with (tmp_path / "Session1/dialog/EmoEvaluation/Ses01F_impro01.txt").open("a") as file:
        file.write(line + "\n")
    with pytest.raises(UserError, match=message):
        parse(tmp_path)


def test_turns_listed_twice_or_without_audio_are_reported(tmp_path: Path) -> None:
    write_iemocap(tmp_path)
    evaluation = tmp_path / "Session1/dialog/EmoEvaluation/Ses01F_impro01.txt"
    with evaluation.open("a") as file:
        file.write("[1.0 - 2.0]\tSes01F_impro01_F000\tsad\t[2.5, 2.5, 2.5]\n")
    wav = tmp_path / "Session1/sentences/wav/Ses01F_impro01"
    (wav / "Ses01F_impro01_M000.wav").unlink()
    (wav / "Ses01F_impro01_M001.wav").rename(wav / "Ses01F_impro01_M001.WAV")
    with pytest.raises(UserError, match="1 of 100 utterances left out, more than 0%"):
        parse(tmp_path, max_left_out=0.001)
    found, excluded = parse(tmp_path)
    assert found["Ses01F_impro01_F000"].labels["emotion"] == "angry", "the first line counts"
    assert "Ses01F_impro01_M001" in found
    assert excluded.counts()["listed twice"] == 1
    assert [entry.utterance for entry in excluded.entries if entry.reason == "no audio file"] == [
        "iemocap-Ses01M-Ses01F_impro01_M000"
    ]


def test_missing_folders_are_an_error(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no folder Session1 to Session5; --iemocap is the folder"):
        parse(tmp_path)
    write_iemocap(tmp_path)
    (tmp_path / "Session2").rename(tmp_path / "session2")
    (tmp_path / "session2/dialog/EmoEvaluation").rename(tmp_path / "session2/dialog/Emoevaluation")
    assert len(parse(tmp_path)[0]) == 100, "another case"
    (tmp_path / "session2/dialog/Emoevaluation").rename(tmp_path / "elsewhere")
    with pytest.raises(UserError, match=r"session2/dialog/EmoEvaluation: no evaluated turn; unpack the whole corpus"):
        parse(tmp_path)
