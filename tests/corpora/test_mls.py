"""Parser of MLS: one fixture for each irregularity, and its sets in fleurs_voxceleb."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from espnet_ext.audio.waveform import read_audio
from espnet_ext.corpora.mls import parse_mls
from espnet_ext.kaldi.data_dir import DataDir
from espnet_ext.kaldi.excluded import Exclusions
from espnet_ext.kaldi.utterances import Utterance
from espnet_ext.kaldi.validate import validate_data_dir
from espnet_ext.utils.errors import UserError
from helpers.clips import Clip, tone, tones
from helpers.corpora_tree import prepare, tiny_options
from helpers.mls_tree import write_mls

CLIPS = {
    "train": tones(["1", "2"], ["deu", "pol"], ["s1", "s2"]),
    "dev": tones(["3"], ["deu"], ["s3"]),
    "test": tones(["4"], ["deu"], ["s4"]),
}


def parse(root: Path, split: str = "train", **options) -> tuple[dict[str, Utterance], Exclusions]:
    """German utterances by id."""
    excluded = Exclusions()
    utterances = parse_mls(root, split, "german", excluded, 1, **options)
    return {utterance.id: utterance for utterance in utterances}, excluded


@pytest.mark.parametrize("suffix", [".flac", ".opus"])
def test_both_variants_are_read(tmp_path: Path, suffix: str) -> None:
    written = write_mls(tmp_path, CLIPS, suffix)
    found, excluded = parse(tmp_path)
    german = {name: clip for name, clip in written.items() if clip.language == "deu" and clip in CLIPS["train"]}
    assert found.keys() == german.keys() and len(german) == 4
    assert excluded.entries == [], "files that no transcript lists are not utterances"
    for name, utterance in found.items():
        clip = german[name]
        assert (utterance.text, utterance.language, utterance.speaker) == (clip.text, "deu", f"mls-{clip.speaker}")
        assert utterance.labels == {"gender": {"1": "female", "2": "male"}[clip.speaker]}
        assert utterance.num_samples == len(clip.samples)
        samples, rate = read_audio(utterance.path)
        assert (len(samples), rate) == (len(clip.samples), 16000)
        assert np.abs(samples - clip.samples).mean() < 0.02


def test_flac_is_preferred_to_opus(tmp_path: Path) -> None:
    write_mls(tmp_path, CLIPS, ".opus")
    write_mls(tmp_path, {"dev": CLIPS["dev"]})
    assert {utterance.path.suffix for utterance in parse(tmp_path, "dev")[0].values()} == {".flac"}


def test_lists_of_limited_supervision_are_read(tmp_path: Path) -> None:
    write_mls(tmp_path, CLIPS)
    names = sorted(parse(tmp_path)[0], key=lambda name: name.rpartition("_")[2])
    assert list(parse(tmp_path, subset="1h")[0]) == names[:1]
    assert list(parse(tmp_path, subset="10h")[0]) == names[:2]
    assert len(parse(tmp_path, "dev", subset="1h")[0]) == 1, "dev and test are whole"
    shutil.rmtree(tmp_path / "mls_german/train/limited_supervision/9hr")
    with pytest.raises(UserError, match=r"limited_supervision: no lists of 10h; unpack the whole corpus"):
        parse(tmp_path, subset="10h")


def test_missing_audio_and_broken_lines_are_reported(tmp_path: Path) -> None:
    write_mls(tmp_path, CLIPS)
    path = next((tmp_path / "mls_german/train/audio/1").rglob("*.flac"))
    path.unlink()
    with pytest.raises(UserError, match=r"mls_german/train: 1 of 4 utterances left out, more than 1%"):
        parse(tmp_path)
    found, excluded = parse(tmp_path, max_left_out=1.0)
    assert (len(found), excluded.counts()) == (3, {"no audio file": 1})
    transcripts = tmp_path / "mls_german/train/transcripts.txt"
    content = transcripts.read_text()
    transcripts.write_text(content + content.splitlines()[1] + "\n")
    assert parse(tmp_path, max_left_out=1.0)[1].counts()["listed twice"] == 1
    for line in ("1_2 no tab", "1_2_3", "a_2_3\ttext", "1_2_3\ttext\tmore"):
        transcripts.write_text(content + line + "\n")
        with pytest.raises(UserError, match=r"transcripts\.txt:5: expected `speaker_book_index<tab>text`"):
            parse(tmp_path)


def test_genders_are_optional(tmp_path: Path) -> None:
    write_mls(tmp_path, CLIPS)
    (tmp_path / "mls_german/metainfo.txt").unlink()
    assert all(utterance.labels == {} for utterance in parse(tmp_path)[0].values())


def test_the_recipe_makes_valid_data_directories(tmp_path: Path) -> None:
    # A reader of dev (in another language), and a text of test.
    leaked = [
        Clip("3", "pol", "x", "In two splits.", tone(300)),
        Clip("5", "deu", "y", "sentence S4 in DEU", tone(300)),
    ]
    written = write_mls(tmp_path / "mls", CLIPS | {"train": [*CLIPS["train"], *leaked]})
    lines = list(prepare(tiny_options({"mls": tmp_path / "mls"}), tmp_path / "data"))
    sets = {name: DataDir(tmp_path / "data" / name) for name in ("mls_train", "mls_dev", "mls_test")}
    for one in sets.values():
        validate_data_dir(one.path)
    expected = {
        f"mls_{split}": {name: clip for name, clip in written.items() if any(clip is other for other in part)}
        for split, part in CLIPS.items()
    }
    for name, one in sets.items():
        assert one.text == {utterance: clip.text for utterance, clip in sorted(expected[name].items())}
        assert one.utt2spk == {utterance: f"mls-{clip.speaker}" for utterance, clip in sorted(expected[name].items())}
        assert one.utt2lang == {utterance: clip.language for utterance, clip in sorted(expected[name].items())}
        assert one.utt2num_samples == {utterance: len(clip.samples) for utterance, clip in expected[name].items()}
        assert one.read("utt2gender").keys() == expected[name].keys()
    speakers = [speaker for one in sets.values() for speaker in set(one.utt2spk.values())]
    assert sorted(speakers) == ["mls-1", "mls-2", "mls-3", "mls-4"]
    excluded = (tmp_path / "data/mls_train/excluded.tsv").read_text().splitlines()[1:]
    assert sorted(line.split("\t")[2] for line in excluded) == [
        "same text as an evaluation sentence", "speaker of an evaluation set"
    ]  # fmt: skip
    assert "  note: MLS german dev: utterances: 1 here, 3,469 published (-3,468)" in lines
    assert (
        "  note: MLS dev: 7 of its languages are not here: dutch, english, french, italian, polish, portuguese, spanish"
        in lines
    )
    origin = json.loads((tmp_path / "data/mls_dev/provenance.json").read_text())
    assert [origin[key] for key in ("corpus", "root", "licence", "languages")] == [
        "MLS", str(tmp_path / "mls"), "CC-BY 4.0", {"deu": 1}
    ]  # fmt: skip


def test_invalid_options_are_refused(tmp_path: Path) -> None:
    write_mls(tmp_path / "mls", CLIPS)
    given = {"mls": tmp_path / "mls"}
    lines = list(prepare(tiny_options(given, mls_languages=("german",), mls_subset="1h"), tmp_path / "data"))
    assert "  note: MLS german train 1h: utterances: 1 here, 241 published (-240)" in lines
    with pytest.raises(UserError, match="--mls_languages: MLS has no xx; its languages: dutch english"):
        tiny_options(given, mls_languages=("xx",))
    with pytest.raises(UserError, match="incomplete corpus: MLS lacks .*mls_french_opus/train/transcripts.txt"):
        list(prepare(tiny_options(given, mls_languages=("french",), allow_incomplete=False), tmp_path / "data"))
    with pytest.raises(UserError, match="data: not MLS: no mls_<language>/train/transcripts.txt"):
        list(prepare(tiny_options({"mls": tmp_path / "data"}), tmp_path / "data"))
