"""An objective from outside the package: registered in `OBJECTIVES`, it trains like the built-in objectives."""

import shutil
from pathlib import Path

import kaldiio
import numpy as np
import pandas as pd
import pytest
import torch
import yaml
from safetensors.torch import load_file
from torch import Tensor, nn

from espnet_ext.kaldi.data_dir import sentence_number
from espnet_ext.kaldi.scp import read_scp, write_scp
from espnet_ext.model.objective import OBJECTIVES, AbsObjective
from espnet_ext.model.objective.abs_objective import mean_over
from espnet_ext.model.saved_model import load_model
from helpers.training_run import trainer


class InfonceObjective(AbsObjective):
    """A weighted cosine; records the sentences that it is given."""

    metric = "first"
    needs_sentences = True
    has_weights = True
    seen: set[int] = set()  # noqa: RUF012  (reset by the fixture)

    def __init__(self, dim: int, labels: None, start: float = 1.0) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.full((dim,), start))

    def forward(self, embeddings: Tensor, targets: Tensor, mask: Tensor, sentences: Tensor | None = None) -> Tensor:
        self.seen.update(sentences[:, 0].tolist())
        return mean_over(1 - (self.weight * embeddings * targets).sum(dim=1), mask)

    def measure(self, embeddings: Tensor, targets: Tensor) -> Tensor:
        return targets[:, 0]


@pytest.fixture
def trained(work: Path, tmp_path: Path, attributes_block: dict, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A model of one training step whose best epoch is selected by the metric of the objective."""
    monkeypatch.setitem(OBJECTIVES, "infonce", InfonceObjective)
    monkeypatch.setattr(InfonceObjective, "seen", set())
    place = tmp_path / "place"
    for name in ("train", "dev", "encoder"):
        shutil.copytree(work / name, place / name)
    for name in ("train", "dev"):
        write_scp(place / name / "utt2sent", {key: f"sentence {key}" for key in read_scp(place / name / "wav.scp")})
    block = attributes_block | {"sem": attributes_block["sem"] | {"objective": {"name": "infonce", "start": 0.5}}}
    (place / "attributes.yaml").write_text(yaml.safe_dump({"attributes": block}, sort_keys=False))
    options = {
        "max_epoch": 1,
        "num_iters_per_epoch": 1,
        "best_model_criterion": [["valid", "first_sem", "max"]],
        "final_model": "valid.first_sem.best",
    }
    return trainer(place, tmp_path, monkeypatch)(tmp_path / "out", **options)


def test_an_objective_from_outside_gets_sentences_trains_its_weights_and_reports_its_metric(
    trained: Path, work: Path
) -> None:
    # Sentences of the dev set, which is read completely.
    assert {sentence_number(f"sentence {key}") for key in read_scp(work / "dev" / "wav.scp")} <= InfonceObjective.seen
    weight = load_file(trained / "model.safetensors")["objectives.sem.0.weight"]
    assert weight.shape == (8,) and (weight != 0.5).all()
    # Averaged over utterances with a target, although their number differs between batches.
    entries = [entry for entry in read_scp(work / "dev" / "target_sem.scp").values() if entry != "None"]
    expected = np.mean([kaldiio.load_mat(entry)[0] for entry in entries])
    curves = pd.read_csv(trained / "curves.tsv", sep="\t").set_index(["split", "key"])["value"]
    assert curves["valid", "first_sem"] == pytest.approx(expected, rel=1e-5)
    assert ("train", "first_sem") in curves.index
    # Its targets are from a teacher, so it makes no predictions.
    assert load_model(trained).predict({"sem": torch.zeros(1, 8)}) == {}
