"""Queues of targets: distinct, spread over the training set, without missing targets."""

from pathlib import Path

import kaldiio
import numpy as np
import pytest

from espnet_ext.config.attributes import parse_attributes
from espnet_ext.kaldi.data_dir import sentence_number
from espnet_ext.kaldi.scp import read_scp, write_scp
from espnet_ext.model.encoder import build_encoder
from espnet_ext.tasks.espnet_model import ESPnetUttModel
from espnet_ext.training.initialize import fill_queues, read_queue

NUM_TARGETS = 50


@pytest.fixture
def targets(tmp_path: Path) -> Path:
    """50 different targets; then a missing target, a target listed twice, and a target of equal value."""
    vectors = {f"u{index:02}": np.full(3, index, dtype=np.float32) for index in range(NUM_TARGETS)}
    vectors["v"] = vectors["u07"]
    kaldiio.save_ark(str(tmp_path / "t.ark"), vectors, scp=str(tmp_path / "t.scp"))
    entries = read_scp(tmp_path / "t.scp")
    write_scp(tmp_path / "target_sem.scp", {**entries, "w": "None", "x": entries["u03"]})
    return tmp_path / "target_sem.scp"


def test_a_large_queue_contains_every_different_target_once(targets: Path) -> None:
    found, sentences = read_queue(targets, 1000)
    assert (sentences == -1).all() and sentences.shape == (NUM_TARGETS, 1)
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, np.arange(NUM_TARGETS)[:, None] * np.ones(3))


def test_a_small_queue_is_spread_over_the_targets(targets: Path) -> None:
    found = read_queue(targets, 5)[0][:, 0]
    assert len(found) == 5
    assert len(np.unique(found)) == 5
    np.testing.assert_array_equal(found, read_queue(targets, 5)[0][:, 0])


def test_a_queue_contains_the_sentences_of_its_targets(targets: Path) -> None:
    write_scp(targets.parent / "utt2sent", {"u03": "hello", "u04": "bye", "x": "hello", "u07": "a sentence"})
    queue, sentences = read_queue(targets, 1000)
    by_value = dict(zip(queue[:, 0].tolist(), sentences[:, 0].tolist(), strict=True))
    assert by_value.pop(3.0) == sentence_number("hello")
    assert by_value.pop(4.0) == sentence_number("bye")
    assert by_value.pop(7.0) in (sentence_number("a sentence"), -1)  # v, of equal value, has no entry
    assert set(by_value.values()) == {-1}


def test_queues_are_filled_and_not_broadcast_between_processes(
    targets: Path, encoder_config: dict, attributes_block: dict
) -> None:
    block = dict(attributes_block["sem"], objective=[{"name": "cosine"}, {"name": "contrastive", "queue_size": 5}])
    model = ESPnetUttModel(build_encoder(encoder_config), parse_attributes({"sem": block}, "test"))
    fill_queues(model, {"sem": targets})
    np.testing.assert_array_equal(model.objectives["sem"][1].queue, read_queue(targets, 5)[0])
    assert model._ddp_params_and_buffers_to_ignore == ["objectives.sem.1.queue", "objectives.sem.1.queue_sentences"]
    assert "objectives.sem.1.queue" in dict(model.named_buffers())
