"""The class attributes of objectives determine the inputs and the predictions of an attribute's loss."""

import pytest
import torch
from torch import Tensor, nn

from espnet_ext.config.attributes import AttributeConfig, parse_attributes
from espnet_ext.config.labels import LabelSpace
from espnet_ext.model.attribute_loss import AttributeLoss
from espnet_ext.model.objective import OBJECTIVES, AbsObjective, needs_sentences


class Plain(AbsObjective):
    """Returns 1 if it receives sentences, else 0."""

    takes = ("teacher", "class")
    metric = None

    def forward(self, embeddings: Tensor, targets: Tensor, mask: Tensor, sentences: Tensor | None = None) -> Tensor:
        return embeddings.new_tensor(float(sentences is not None))


class Comparing(Plain):
    """Declares that it compares sentences."""

    needs_sentences = True


class Weighted(Plain):
    """Declares weights."""

    has_weights = True
    metric = "weighted"

    def __init__(self, dim: int, labels: LabelSpace | None) -> None:
        super().__init__()
        self.line = nn.Linear(dim, len(labels.classes) if labels else 1)

    def predict(self, embeddings: Tensor) -> Tensor:
        return self.line(embeddings)


@pytest.fixture(autouse=True)
def registered(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, cls in (("plain", Plain), ("comparing", Comparing), ("weighted", Weighted)):
        monkeypatch.setitem(OBJECTIVES, name, cls)


def declare(target: dict, *names: str) -> AttributeConfig:
    block = {"target": target, "head": {"hidden_dim": 4, "dim": 3}, "objective": [{"name": name} for name in names]}
    attribute = parse_attributes({"x": block}, "test")["x"]
    labels = LabelSpace(kind="class", classes={"a": 2, "b": 3}) if "labels" in target else None
    return attribute.model_copy(update={"labels": labels})


TEXT, SPEECH = ({"teacher": "any", "from": source} for source in ("text", "speech"))
LABELS = {"labels": "utt2x"}


@pytest.mark.parametrize(
    ("target", "names", "expected"),
    [
        (TEXT, ["plain"], False),
        (TEXT, ["plain", "comparing"], True),
        (TEXT, ["unknown"], False),
        (SPEECH, ["comparing"], False),
        (LABELS, ["comparing"], False),
    ],
)
def test_sentences_are_needed_if_an_objective_declares_it_and_targets_are_of_texts(
    target: dict, names: list[str], expected: bool
) -> None:
    attribute = declare(target, *names)
    assert needs_sentences(attribute) == expected
    if names != ["unknown"]:
        loss, measure, count = AttributeLoss(attribute)(torch.ones(2, 3), torch.ones(2, 3), torch.zeros(2, 1))
        assert (loss.item(), measure.item(), count.item()) == (expected, 0, 2)


def test_an_objective_with_weights_predicts_labels_and_not_targets_of_teachers() -> None:
    loss = AttributeLoss(declare(LABELS, "plain", "weighted"))
    assert loss.classifier is loss[1] and loss.measured is loss[1]
    assert loss.classifier.predict(torch.zeros(5, 3)).shape == (5, 2)
    assert AttributeLoss(declare(TEXT, "weighted")).classifier is None
