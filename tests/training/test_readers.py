"""Readers of ESPnet's dataset: dumped audio, layers and targets, including missing targets."""

import json
from pathlib import Path

import kaldiio
import numpy as np
import pytest

from espnet_ext.kaldi.archives import append_to_ark
from espnet_ext.kaldi.scp import write_scp
from espnet_ext.training.readers import AudioReader, SentenceReader, TargetReader
from espnet_ext.utils.errors import UserError


@pytest.fixture
def targets(tmp_path: Path) -> Path:
    vectors = {"a": np.arange(4, dtype=np.float32), "c": np.ones(3, dtype=np.float32)}
    kaldiio.save_ark(str(tmp_path / "t.ark"), vectors, scp=str(tmp_path / "t.scp"))
    entries = dict(line.split(" ", 1) for line in (tmp_path / "t.scp").read_text().splitlines())
    write_scp(tmp_path / "target_sem.scp", {**entries, "b": "None"})
    (tmp_path / "target_sem.json").write_text(json.dumps({"dim": 4}))
    return tmp_path / "target_sem.scp"


def test_a_target_is_its_vector_and_a_missing_target_is_nan(targets: Path) -> None:
    reader = TargetReader(str(targets))
    assert list(reader) == ["a", "b", "c"] and len(reader) == 3
    np.testing.assert_array_equal(reader["a"], [0, 1, 2, 3])
    assert reader["b"].shape == (4,) and np.isnan(reader["b"]).all()
    assert reader["a"].dtype == reader["b"].dtype == np.float32


def test_the_error_names_a_target_of_another_size(targets: Path) -> None:
    with pytest.raises(UserError, match=r"t.ark:\d+: target of shape \(3,\), expected \(4,\)"):
        TargetReader(str(targets))["c"]


def test_audio_is_float32_at_unit_scale(tmp_path: Path) -> None:
    samples = np.round(np.random.default_rng(0).uniform(-1, 1, 500) * 32767) / 32768
    with (tmp_path / "a.ark").open("wb") as stream:
        offset = append_to_ark(stream, "u", samples)
    write_scp(tmp_path / "wav.scp", {"u": f"{tmp_path}/a.ark:{offset}"})
    write_scp(tmp_path / "utt2num_samples", {"u": 500})
    found = AudioReader(str(tmp_path / "wav.scp"))["u"]
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, samples.astype(np.float32))
    write_scp(tmp_path / "utt2num_samples", {"u": 501})
    with pytest.raises(UserError, match=r"a.ark:2: 500 samples of utterance u, but utt2num_samples lists 501"):
        AudioReader(str(tmp_path / "wav.scp"))["u"]


def test_sentences_are_numbers_and_an_utterance_can_have_none(tmp_path: Path) -> None:
    write_scp(tmp_path / "utt2sent", {"a": "s 1", "b": "s 2", "d": "s 1"})
    reader = SentenceReader(str(tmp_path / "utt2sent"))
    found = {name: reader[name] for name in "abcd"}
    assert all(number.shape == (1,) and number.dtype == np.int64 for number in found.values())
    assert found["a"] == found["d"] != found["b"] and found["c"] == -1
