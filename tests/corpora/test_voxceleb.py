"""Parser of VoxCeleb 1 and 2: one fixture for each irregularity."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from espnet_ext.audio.waveform import read_audio
from espnet_ext.corpora.voxceleb import parse_voxceleb, read_meta, speaker_folders
from espnet_ext.kaldi.data_dir import DataDir
from espnet_ext.kaldi.excluded import Exclusions
from espnet_ext.kaldi.utterances import Utterance, write_utterances
from espnet_ext.kaldi.validate import validate_data_dir
from espnet_ext.utils.errors import UserError
from helpers.clips import tones, write_audio
from helpers.voxceleb_tree import VoxClip, write_voxceleb1, write_voxceleb2

DEV = tones(["ann", "bob"], ["eng"], ["s1", "s2", "s3"])
TEST = tones(["cid", "dan"], ["eng"], ["s4", "s5"])


def parse(root: Path, corpus: str, part: str, **options) -> tuple[dict[str, Utterance], Exclusions]:
    excluded = Exclusions()
    utterances = parse_voxceleb(root, corpus, part, excluded, 1, **options)
    assert [u.id for u in utterances] == sorted(u.id for u in utterances)
    return {utterance.id: utterance for utterance in utterances}, excluded


def expected(corpus: str, placed: list[VoxClip]) -> dict[str, VoxClip]:
    return {f"{corpus}-{vox.path.rpartition('.')[0].replace('/', '-')}": vox for vox in placed}


def test_the_meta_file_separates_dev_and_test_in_one_folder(tmp_path: Path) -> None:
    parts = write_voxceleb1(tmp_path, DEV, TEST)
    for part in ("dev", "test"):
        found, excluded = parse(tmp_path, "voxceleb1", part)
        written = expected("voxceleb1", parts[part])
        assert sorted(found) == sorted(written)
        assert excluded.entries == []
        for name, utterance in found.items():
            vox = written[name]
            assert utterance.speaker == f"voxceleb1-{vox.speaker}"
            assert utterance.labels["video"] == vox.video, "never split again from the joined id"
            assert utterance.num_samples == len(vox.clip.samples)
            assert (utterance.language, utterance.text, utterance.sentence) == ("und", None, None)


def test_gender_and_nationality_are_labels(tmp_path: Path) -> None:
    write_voxceleb1(tmp_path / "1", DEV, TEST)
    found, _ = parse(tmp_path / "1", "voxceleb1", "dev")
    labels = {u.speaker: (u.labels["gender"], u.labels["nationality"]) for u in found.values()}
    assert labels == {"voxceleb1-id10001": ("male", "Ireland"), "voxceleb1-id10002": ("female", "New Zealand")}
    write_voxceleb2(tmp_path / "2", DEV)
    found, _ = parse(tmp_path / "2", "voxceleb2", "dev")
    labels = {u.speaker: dict(u.labels) | {"video": ""} for u in found.values()}
    assert labels["voxceleb2-id00013"] == {"gender": "female", "video": ""}


def test_m4a_lengths_come_from_the_header_and_agree_with_decoding(tmp_path: Path) -> None:
    parts = write_voxceleb2(tmp_path, DEV, TEST)
    found, _ = parse(tmp_path, "voxceleb2", "dev")
    written = expected("voxceleb2", parts["dev"])
    assert sorted(found) == sorted(written)
    for name, utterance in found.items():
        samples, rate = read_audio(utterance.path)
        assert rate == 16000
        assert utterance.num_samples == len(samples) == len(written[name].clip.samples)


@pytest.mark.parametrize("folder", ["dev/a_wav", "dev/wav"])  # listed before and after dev/aac
def test_an_utterance_in_two_formats_is_listed_once_as_wav(tmp_path: Path, folder: str) -> None:
    parts = write_voxceleb2(tmp_path, DEV)
    for vox in parts["dev"]:
        write_audio((tmp_path / folder / vox.path).with_suffix(".wav"), vox.clip.samples)
    found, _ = parse(tmp_path, "voxceleb2", "dev")
    assert sorted(found) == sorted(expected("voxceleb2", parts["dev"]))
    assert {utterance.path.suffix for utterance in found.values()} == {".wav"}


def test_hidden_copies_are_not_listed_and_suffixes_can_be_upper_case(tmp_path: Path) -> None:
    parts = write_voxceleb1(tmp_path, DEV, TEST)
    for path in sorted(tmp_path.rglob("*.wav")):
        path.with_name(f"._{path.name}").write_bytes(b"\0\5\x16\7" + bytes(60))
        path.rename(path.with_suffix(".WAV"))
    found, excluded = parse(tmp_path, "voxceleb1", "dev")
    assert sorted(found) == sorted(expected("voxceleb1", parts["dev"]))
    assert excluded.entries == []


def test_speakers_of_another_corpus_in_the_same_folder_are_counted(tmp_path: Path) -> None:
    write_voxceleb1(tmp_path, DEV, TEST)
    parts = write_voxceleb2(tmp_path, DEV)
    found, excluded = parse(tmp_path, "voxceleb2", "dev")
    assert len(found) == len(parts["dev"])
    assert excluded.counts() == {"speaker not in the meta file": 4}


def test_the_data_directory_is_valid_with_unknown_languages(tmp_path: Path) -> None:
    write_voxceleb1(tmp_path / "vox", DEV, TEST)
    found, _ = parse(tmp_path / "vox", "voxceleb1", "dev")
    (tmp_path / "data").mkdir()
    write_utterances(tmp_path / "data", found.values())
    validate_data_dir(tmp_path / "data")
    data = DataDir(tmp_path / "data")
    assert set(data.utt2lang.values()) == {"und"}
    assert data.text is None
    assert set(data.read("utt2nationality").values()) == {"Ireland", "New Zealand"}


def test_broken_files_are_listed_and_too_many_are_an_error(tmp_path: Path) -> None:
    parts = write_voxceleb1(tmp_path, DEV, TEST)
    (tmp_path / "wav" / parts["dev"][0].path).write_bytes(b"RIFF nothing")
    (tmp_path / "wav" / parts["dev"][1].path).write_bytes(b"")
    with pytest.raises(UserError, match="2 of 6 utterances left out, more than 1%"):
        parse(tmp_path, "voxceleb1", "dev")
    found, excluded = parse(tmp_path, "voxceleb1", "dev", max_left_out=1.0)
    assert len(found) == 4
    assert excluded.counts() == {"audio cannot be read": 2}


def test_other_files_next_to_the_audio_are_not_utterances(tmp_path: Path) -> None:
    parts = write_voxceleb1(tmp_path, DEV, TEST)
    shutil.copytree(tmp_path / "wav", tmp_path / "txt")
    for path in (tmp_path / "txt").rglob("*.wav"):
        path.rename(path.with_suffix(".txt"))
    (tmp_path / "wav" / parts["dev"][0].speaker / ".DS_Store").write_text("x")
    assert len(parse(tmp_path, "voxceleb1", "dev")[0]) == len(parts["dev"])


def test_listings_are_sorted(tmp_path: Path) -> None:
    for name in ("b/id00002", "a/x/id00003", "a/id00009", "id00001", "a/x/y/id00004", "not_id00005"):
        (tmp_path / name).mkdir(parents=True)
    names = [str(folder.relative_to(tmp_path)) for folder in speaker_folders(tmp_path)]
    assert names == ["id00001", "a/id00009", "a/x/id00003", "a/x/y/id00004", "b/id00002"]


@pytest.mark.parametrize(
    ("packed", "advice"),
    [
        (["vox1_dev_wav_parta" + c for c in "abcd"], r"cat vox1_dev_wav_part\* > vox1_dev_wav\.zip && unzip vox1_dev"),
        (["vox1_dev_wav_parta" + c for c in "abd"], r"fetch the missing vox1_dev_wav_partac$"),
        (["vox1_dev_wav.zip"], r"unzip vox1_dev_wav\.zip"),
        ([], "give the folder where voxceleb1 was unpacked"),
    ],
)
def test_the_error_of_packed_parts_explains_the_fix(tmp_path: Path, packed: list[str], advice: str) -> None:
    write_voxceleb1(tmp_path, DEV, TEST)
    shutil.rmtree(tmp_path / "wav")
    for name in packed:
        (tmp_path / name).write_bytes(b"")
    with pytest.raises(UserError, match=f"no folder of a dev speaker of vox1_meta.csv; .*{advice}") as caught:
        parse(tmp_path, "voxceleb1", "dev")
    assert "\n" not in str(caught.value)


def test_the_error_names_missing_files(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"vox2_meta\.csv: no such file"):
        parse(tmp_path, "voxceleb2", "dev")
    with pytest.raises(UserError, match="absent: no such folder"):
        speaker_folders(tmp_path / "absent")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("VoxCeleb1 ID\tVGGFace1 ID\n", r"meta\.csv:1: no columns Gender and Set"),
        ("VoxCeleb1 ID\tGender\tSet\nid10001\tm\n", r"meta\.csv:2: expected a speaker and dev or test"),
        ("VoxCeleb1 ID\tGender\tSet\nA.J._Buckley\tm\tdev\n", r"meta\.csv:2: expected a speaker"),
    ],
)
def test_the_error_names_a_bad_meta_file(tmp_path: Path, content: str, message: str) -> None:
    path = tmp_path / "meta.csv"
    path.write_text(content)
    with pytest.raises(UserError, match=message):
        read_meta(path)


def test_the_fixture_files_differ(tmp_path: Path) -> None:
    parts = write_voxceleb1(tmp_path, DEV, TEST)
    first, second = (read_audio(tmp_path / "wav" / vox.path)[0] for vox in parts["dev"][:2])
    assert len(first) != len(second) or not np.array_equal(first, second)
