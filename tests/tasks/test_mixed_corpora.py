"""Training on corpora with targets of different attributes, in one run."""

from collections import Counter
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from safetensors.torch import load_file

from espnet_ext.dump.combine import combine_dumps
from espnet_ext.inference.utt_encoder import UttEncoder
from espnet_ext.kaldi.scp import read_scp, write_scp
from espnet_ext.model.saved_model import load_model
from espnet_ext.training.monitor import MonitoredLoader
from espnet_ext.training.readers import AudioReader, TargetReader
from espnet_ext.utils.errors import UserError
from helpers.training_run import Train, make_dump, trainer

ATTRIBUTES = ["sem", "spk"]


@pytest.fixture(scope="module")
def mixed(work: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A corpus of read speech with both attributes, and a four times larger one of talks with only speakers."""
    folder = tmp_path_factory.mktemp("mixed")
    for name in ("encoder", "attributes.yaml"):
        (folder / name).symlink_to(work / name)
    for split, sizes in (("train", (8, 32)), ("dev", (4, 6))):
        parts = [folder / f"{name}_{split}" for name in ("read", "talks")]
        for seed, (part, size) in enumerate(zip(parts, sizes, strict=True)):
            make_dump(part, size, seed, prefix=f"{part.name}-")
        write_scp(parts[1] / "target_sem.scp", dict.fromkeys(read_scp(parts[1] / "wav.scp"), "None"))
        combine_dumps(folder / split, parts, ATTRIBUTES)
    return folder


@pytest.fixture
def train_mixed(mixed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Train:
    """See `trainer`."""
    return trainer(mixed, tmp_path, monkeypatch)


@pytest.fixture
def trained_on(monkeypatch: pytest.MonkeyPatch) -> Counter:
    """Corpus -> utterances of the batches of training."""
    counts: Counter = Counter()
    plain = MonitoredLoader._check_loss

    def count(self: MonitoredLoader) -> None:
        if self.progress:
            counts.update(utterance.split("_")[0] for utterance in self.utterances)
        plain(self)

    monkeypatch.setattr(MonitoredLoader, "_check_loss", count)
    return counts


def test_every_corpus_trains_the_attributes_with_targets(
    train_mixed: Train, trained_on: Counter, tmp_path: Path
) -> None:
    weights = {"corpus_weights": {"read_train": 1, "talks_train": 3}, "language_weights": {"fra": 0.5}}
    out = train_mixed(num_iters_per_epoch=30, max_epoch=1, sampler_conf=weights | {"window": 128})
    assert trained_on["talks"] / trained_on.total() == pytest.approx(0.75, abs=0.1)
    curves = pd.read_csv(out / "curves.tsv", sep="\t").set_index(["split", "key"])["value"]
    assert curves["train", "loss_sem"] > 0 and curves["train", "loss_spk"] > 0
    still = train_mixed(tmp_path / "still", max_epoch=1, num_iters_per_epoch=1, optim_conf={"lr": 0.0})
    after, before = (load_file(folder / "model.safetensors") for folder in (out, still))
    for name in ATTRIBUTES:
        key = f"heads.{name}.layer_mix.weight"
        assert not torch.equal(after[key], before[key])


def test_the_curves_are_means_over_the_utterances_that_have_a_target(
    train_mixed: Train, mixed: Path, tmp_path: Path
) -> None:
    out = train_mixed(tmp_path / "out", max_epoch=1, num_iters_per_epoch=1)
    curves = pd.read_csv(out / "curves.tsv", sep="\t").set_index(["split", "key"])["value"]
    audio = AudioReader(str(mixed / "dev" / "wav.scp"))
    embeddings = UttEncoder(load_model(out)).encode([audio[utterance] for utterance in audio])
    for name in ATTRIBUTES:
        reader = TargetReader(str(mixed / "dev" / f"target_{name}.scp"))
        cosines = [vector @ reader[utt] for utt, vector in zip(audio, embeddings[name], strict=True)]
        assert 0 < np.isnan(cosines).sum() < len(cosines)
        assert curves["valid", f"cos_{name}"] == pytest.approx(np.nanmean(cosines), abs=1e-6)
    assert curves["valid", "loss_spk"] == pytest.approx(2 * (1 - curves["valid", "cos_spk"]), abs=1e-6)


def test_a_system_draws_no_corpus_without_targets_of_its_attributes(
    train_mixed: Train, trained_on: Counter, tmp_path: Path
) -> None:
    conf = {"corpus_weights": {"read_train": 1, "talks_train": 3}, "window": 32}
    # The words of the fixture name both attributes; the last option is used.
    train_mixed(tmp_path / "sem", "--attribute_names", "sem", max_epoch=1, sampler_conf=conf)
    assert trained_on.keys() == {"read"}


def test_the_error_of_an_unknown_corpus_lists_the_valid_ones(train_mixed: Train) -> None:
    with pytest.raises(UserError, match="corpus_weights: unknown 'talk_train' .* legal: read_train, talks_train"):
        train_mixed(sampler_conf={"corpus_weights": {"talk_train": 1}})
    with pytest.raises(UserError, match="language_weights: unknown 'deu'; legal: eng, fra"):
        train_mixed(sampler_conf={"language_weights": {"deu": 1}})
    with pytest.raises(UserError, match="sampler_conf: corpus_weights must be a valid dictionary, found"):
        train_mixed(sampler_conf={"corpus_weights": [1]})
