"""Parser of CREMA-D: one fixture for each irregularity."""

from pathlib import Path

import pytest

from espnet_ext.corpora.crema_d import parse_crema_d, read_actors
from espnet_ext.kaldi.excluded import Exclusions
from espnet_ext.kaldi.utterances import Utterance
from espnet_ext.utils.errors import UserError
from helpers.crema_d_tree import ACTORS, write_crema_d


def parse(root: Path, **options) -> tuple[dict[str, Utterance], Exclusions]:
    """Utterances by the name of their file."""
    excluded = Exclusions()
    actors = read_actors(root / "VideoDemographics.csv")
    utterances = parse_crema_d(root, actors, excluded, 1, **options)
    return {utterance.path.stem.upper(): utterance for utterance in utterances}, excluded


def test_every_file_is_read_once(tmp_path: Path) -> None:
    written = write_crema_d(tmp_path)
    found, excluded = parse(tmp_path)
    assert {name: utterance.num_samples for name, utterance in found.items()} == written
    assert excluded.counts() == {"known to be faulty": 2}
    assert {entry.utterance for entry in excluded.entries} == {
        "crema_d-1064-1064_IEO_DIS_MD", "crema_d-1076-1076_MTI_SAD_XX"
    }  # fmt: skip
    for name, utterance in found.items():
        assert utterance.id == f"{utterance.speaker}-{name}"
        assert utterance.speaker == f"crema_d-{name[:4]}"
        assert utterance.language == "eng"


def test_labels_and_sentences_are_read(tmp_path: Path) -> None:
    write_crema_d(tmp_path)
    found, _ = parse(tmp_path)
    one = found["1002_IEO_FEA_HI"]
    assert one.text == "It's eleven o'clock."
    assert one.sentence == "crema_d-IEO"
    assert one.labels == {
        "emotion": "fearful", "intensity": "high", "gender": "female", "age": "twenties", "age_years": "21"
    }  # fmt: skip
    # XX and a truncated level are not levels.
    assert found["1040_ITH_SAD_X"].labels == {"emotion": "sad", "gender": "male", "age": "forties", "age_years": "42"}
    assert found["1002_DFA_ANG_XX"].path.name == "1002_dfa_ang_xx.WAV"
    assert {utterance.labels["emotion"] for utterance in found.values()} == {
        "angry", "disgusted", "fearful", "happy", "neutral", "sad"
    }  # fmt: skip


def test_the_table_of_actors_is_optional(tmp_path: Path) -> None:
    write_crema_d(tmp_path)
    utterances = parse_crema_d(tmp_path, None, Exclusions(), 1)
    assert {name for utterance in utterances for name in utterance.labels} == {"emotion", "intensity"}
    with pytest.raises(UserError, match=r"absent\.csv: no such file; fetch"):
        read_actors(tmp_path / "absent.csv")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("1001_DFA_JOY_XX", r"1001_DFA_JOY_XX\.wav: emotion 'JOY' is none of ANG, DIS, FEA, HAP, NEU, SAD"),
        ("1001_ABC_ANG_XX", r"1001_ABC_ANG_XX\.wav: sentence 'ABC' is none of DFA, "),
        ("1001_DFA_ANG_UP", r"1001_DFA_ANG_UP\.wav: level 'UP' is none of LO, MD, HI, XX"),
        ("1099_DFA_ANG_XX", r"1099_DFA_ANG_XX\.wav: actor 1099 is not in VideoDemographics\.csv"),
        ("notes", r"notes\.wav: expected a name like 1001_DFA_ANG_XX\.wav"),
    ],
)
def test_the_error_of_an_unknown_code_names_the_file(tmp_path: Path, name: str, message: str) -> None:
    write_crema_d(tmp_path)
    (tmp_path / f"AudioWAV/{name}.wav").touch()
    with pytest.raises(UserError, match=message):
        parse(tmp_path)


def test_git_lfs_pointers_are_not_audio(tmp_path: Path) -> None:
    write_crema_d(tmp_path)
    (tmp_path / "AudioWAV/1001_DFA_ANG_XX.wav").write_text("version https://git-lfs.example/spec/v1\noid sha256:00\n")
    with pytest.raises(UserError, match=r"1001_DFA_ANG_XX\.wav: a pointer of Git LFS, not audio; run `git lfs pull`"):
        parse(tmp_path)


def test_duplicate_names_and_broken_audio_are_reported(tmp_path: Path) -> None:
    write_crema_d(tmp_path)
    (tmp_path / "AudioWAV/1001_dfa_ang_xx.wav").write_bytes(b"")
    (tmp_path / "AudioWAV/1001_DFA_DIS_XX.wav").write_bytes(b"\0" * 100)
    with pytest.raises(UserError, match=r"AudioWAV: 1 of 120 utterances left out, more than 0%"):
        parse(tmp_path, max_left_out=0.001)
    found, excluded = parse(tmp_path)
    assert len(found) == 119
    assert excluded.counts() == {
        "known to be faulty": 2, "audio cannot be read": 1, "second file of this name": 1
    }  # fmt: skip


def test_the_folder_can_have_another_case_and_must_exist(tmp_path: Path) -> None:
    write_crema_d(tmp_path)
    (tmp_path / "AudioWAV").rename(tmp_path / "audiowav")
    assert len(parse(tmp_path)[0]) == 12 * len(ACTORS)
    with pytest.raises(UserError, match=r"AudioWAV: no such folder; --crema_d is the folder that contains AudioWAV/"):
        parse_crema_d(tmp_path / "audiowav", None, Exclusions(), 1)


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ("ActorID,Age\n1001,51\n", r"VideoDemographics\.csv:1: no column Sex"),
        ("ActorID,Age,Sex\n1001,old,Male\n", r"Demographics\.csv:2: expected an age and Male or Female, not 'old'"),
        ("ActorID,Age,Sex\n1001,51,\n", r"VideoDemographics\.csv:2: .* not '51', ''"),
        ("", r"VideoDemographics\.csv: the file is empty"),
        ("ActorID,Age,Sex\n1001,51,M\udcffle\n", r"VideoDemographics\.csv:2: not UTF-8"),
    ],
)
def test_the_error_names_a_bad_table_of_actors(tmp_path: Path, table: str, message: str) -> None:
    path = tmp_path / "VideoDemographics.csv"
    path.write_text(table, errors="surrogateescape")
    with pytest.raises(UserError, match=message):
        read_actors(path)
