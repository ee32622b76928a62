"""Parser of RAVDESS: one fixture for each irregularity."""

from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from espnet_ext.audio.waveform import read_source, resample
from espnet_ext.corpora.ravdess import FILMED, parse_ravdess
from espnet_ext.kaldi.data_dir import DataDir
from espnet_ext.kaldi.excluded import Exclusions
from espnet_ext.kaldi.utterances import Utterance, write_utterances
from espnet_ext.utils.errors import UserError
from helpers.emotional_tones import make_tone
from helpers.ravdess_tree import COPIED, COPY, SONG, STEREO, write_ravdess


def parse(root: Path, **options) -> tuple[dict[str, Utterance], Exclusions]:
    """Utterances by the name of their file."""
    excluded = Exclusions()
    utterances = parse_ravdess(root, excluded, 1, **options)
    assert [utterance.id for utterance in utterances] == sorted(utterance.id for utterance in utterances)
    return {utterance.path.stem: utterance for utterance in utterances}, excluded


def test_every_take_is_read_once(tmp_path: Path) -> None:
    written = write_ravdess(tmp_path)
    found, excluded = parse(tmp_path)
    assert {name: utterance.num_samples for name, utterance in found.items()} == written
    assert excluded.counts() == {"second file of this name": 16, "same file as another take": 1, "sung": 1}
    by_reason = {entry.reason: entry.utterance for entry in excluded.entries}
    assert by_reason["same file as another take"] == f"ravdess-07-{COPY}"
    assert by_reason["sung"] == f"ravdess-02-{SONG}"
    assert COPIED in found
    assert found["03-01-01-01-01-01-05"].path.suffix == ".WAV"


def test_labels_and_sentences_are_read(tmp_path: Path) -> None:
    write_ravdess(tmp_path)
    found, _ = parse(tmp_path)
    one = found["03-01-08-01-01-02-20"]
    assert (one.id, one.speaker) == ("ravdess-20-03-01-08-01-01-02-20", "ravdess-20")
    assert (one.text, one.sentence, one.language) == ("Kids are talking by the door.", "ravdess-01", "eng")
    assert one.labels == {"emotion": "surprised", "intensity": "normal", "gender": "female"}
    assert found["03-01-02-01-01-01-07"].labels["gender"] == "male"
    assert Counter(utterance.labels["emotion"] for utterance in found.values())["happy"] == 11
    (tmp_path / "Actor_01/03-01-05-02-02-02-01.wav").write_bytes((tmp_path / "Actor_01" / f"{STEREO}.wav").read_bytes())
    strong = parse(tmp_path, max_left_out=1.0)[1]
    assert strong.counts()["same file as another take"] == 2


def test_stereo_files_are_averaged(tmp_path: Path) -> None:
    write_ravdess(tmp_path / "corpus")
    found, _ = parse(tmp_path / "corpus")
    assert [name for name, utterance in found.items() if utterance.spans] == [STEREO]
    write_utterances(tmp_path / "data", found.values())
    source = DataDir(tmp_path / "data").sources()[found[STEREO].id]
    samples, rate = read_source(source)
    expected = np.repeat(make_tone(0, 1, 2), 3) / 2
    np.testing.assert_allclose(samples, expected, atol=1e-4)
    assert len(resample(samples, rate)) == found[STEREO].num_samples


def test_audio_of_videos_is_skipped(tmp_path: Path) -> None:
    written = write_ravdess(tmp_path)
    names = ("01-01-03-01-01-01-01", "02-01-03-01-01-01-01", "01-02-03-01-01-01-01")
    for name in names:
        (tmp_path / f"Actor_01/{name}.wav").write_bytes(b"of any content")
    found, excluded = parse(tmp_path)
    assert found.keys() == written.keys()
    filmed = [entry.utterance for entry in excluded.entries if entry.reason == FILMED]
    assert sorted(filmed) == sorted(f"ravdess-01-{name}" for name in names)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("03-01-09-01-01-01-01", r"emotion '09' is none of 01, 02, 03, 04, 05, 06, 07, 08"),
        ("03-01-01-03-01-01-01", r"intensity '03' is none of 01, 02"),
        ("03-01-01-01-03-01-01", r"statement '03' is none of 01, 02"),
        ("03-01-01-01-01-03-01", r"repetition '03' is none of 01, 02"),
        ("03-03-01-01-01-01-01", r"vocal channel '03' is none of 01, 02"),
        ("04-01-01-01-01-01-01", r"modality '04' is none of 01, 02, 03"),
        ("03-01-01-01-01-01-02", r"actor '02' is none of 01"),
        ("03-01-01-01-01-01", r"expected a name like 03-01-06-01-02-01-12\.wav"),
    ],
)
def test_the_error_of_an_unknown_code_names_the_file(tmp_path: Path, name: str, message: str) -> None:
    write_ravdess(tmp_path)
    (tmp_path / f"Actor_01/{name}.wav").touch()
    with pytest.raises(UserError, match=rf"Actor_01/{name}\.wav: {message}"):
        parse(tmp_path)


def test_missing_actors_and_broken_audio_are_reported(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"no folder Actor_01 and so on; --ravdess is where its archives"):
        parse(tmp_path)
    write_ravdess(tmp_path)
    (tmp_path / "Actor_01/03-01-01-01-01-01-01.wav").write_bytes(b"")
    with pytest.raises(UserError, match="1 of 95 utterances left out, more than 1%"):
        parse(tmp_path)
    found, excluded = parse(tmp_path, max_left_out=1.0)
    assert len(found) == 94
    assert excluded.counts()["audio cannot be read"] == 1
