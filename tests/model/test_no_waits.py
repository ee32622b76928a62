"""A training step reads no tensor values: no synchronization with a GPU, and the same graph on every rank."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensorMode

from espnet_ext.config.attributes import parse_attributes
from espnet_ext.config.labels import LabelSpace
from espnet_ext.tasks.espnet_model import ESPnetUttModel
from helpers.tiny_encoders import tiny_encoder

TEXT, SPEECH = ({"teacher": "x", "from": source} for source in ("text", "speech"))
QUEUE = torch.tensor([[1.0, 0, 0, 0], [0, 1, 0, 0]]), torch.tensor([[3], [-1]])
ATTRIBUTES = {
    "sem": {
        "target": TEXT,
        "head": {"hidden_dim": 6, "dim": 4},
        "objective": [{"name": "cosine"}, {"name": "contrastive"}, {"name": "supervised_contrastive"}],
    },
    "spk": {
        "target": SPEECH,
        "head": {"hidden_dim": 6, "dim": 4, "pooling": "attentive_statistics", "normalize_layers": True},
        "objective": {"name": "contrastive", "queue_size": 2},
    },
    "lang": {
        "target": {"labels": "utt2lang"},
        "head": {"hidden_dim": 6, "dim": 5, "pooling": "mean"},
        "objective": [{"name": "aam_softmax", "margin_schedule": [0, 5], "sub_centres": 2}, {"name": "softmax"}],
    },
    "age": {
        "target": {"labels": "utt2age", "kind": "number"},
        "head": {"hidden_dim": 6, "dim": 5, "dropout": 0.1},
        "objective": {"name": "regression"},
    },
}
LABELS = {
    "lang": LabelSpace(kind="class", classes={"eng": 2, "fra": 5}),
    "age": LabelSpace(kind="number", mean=40.0, std=9.0),
}
SHAPES = {"speech": (3, 9000), "sem": (3, 4), "spk": (3, 4), "lang": (3, 1), "age": (3, 1)}


@pytest.mark.parametrize("name", ["mhubert", "w2v_bert", "wav2vec2_base", "wavlm_base", "whisper"])
def test_a_step_reads_no_value_and_reaches_every_trainable_parameter(name: str) -> None:
    attributes = parse_attributes(ATTRIBUTES, "test")
    attributes = {key: config.model_copy(update={"labels": LABELS.get(key)}) for key, config in attributes.items()}
    conf = {"gradient_interval": 1, "task_weighting": "uncertainty"}
    model = ESPnetUttModel(tiny_encoder(name), attributes, "bfloat16", **conf).train()
    model.objectives["spk"][0].queue, model.objectives["spk"][0].queue_sentences = QUEUE
    # An operation raises here if its output shape or control flow depends on values.
    with FakeTensorMode():
        replace_tensors(model, lambda tensor: torch.empty_strided(tensor.shape, tensor.stride(), dtype=tensor.dtype))
        batch = {key: torch.empty(shape) for key, shape in SHAPES.items()}
        batch |= {"speech_lengths": torch.empty(3, dtype=torch.long), "sentences": torch.empty(3, 1, dtype=torch.long)}
        model(**batch)[0].sum().backward()
    assert [key for key, p in model.named_parameters() if p.requires_grad and p.grad is None] == []


def replace_tensors(model: nn.Module, replacement: Callable[[Tensor], Tensor]) -> None:
    """Replace the parameters and buffers of a model."""
    for module in model.modules():
        for name, parameter in module.named_parameters(recurse=False):
            module._parameters[name] = nn.Parameter(replacement(parameter), parameter.requires_grad)
        for name, buffer in module.named_buffers(recurse=False):
            module._buffers[name] = replacement(buffer)
