"""Attentive statistics pooling: parity with SpeechBrain, heads, and gradients at zero deviation."""

import pytest
import torch

from espnet_ext.config.attributes import HeadConfig
from espnet_ext.model.head.attribute_head import AttributeHead
from espnet_ext.model.head.pooling import AttentiveStatisticsPooling
from espnet_ext.utils.errors import UserError

DIM, WIDTH = 8, 5


def same_in_speechbrain(pooling: AttentiveStatisticsPooling) -> torch.nn.Module:
    """SpeechBrain's layer with these weights: it scores each channel, so heads are rows that repeat.

    Between the two products it has a ReLU, out of action where its input is positive, and a batch norm.
    """
    theirs = pytest.importorskip("speechbrain.lobes.models.ECAPA_TDNN", reason="an optional dependency")
    theirs = theirs.AttentiveStatisticsPooling(DIM, WIDTH, global_context=False).eval()
    norm = theirs.tdnn.norm.norm
    norm.running_var.fill_(1 - norm.eps)
    theirs.conv.conv.bias.data.zero_()
    theirs.tdnn.conv.conv.bias.data = pooling.hidden.bias.data
    for conv, linear, repeats in (
        (theirs.tdnn.conv.conv, pooling.hidden, 1),
        (theirs.conv.conv, pooling.scorer, DIM // pooling.scorer.out_features),
    ):
        conv.weight.data = linear.weight.data.repeat_interleave(repeats, dim=0)[..., None]
    return theirs


@pytest.mark.parametrize("num_heads", [1, 2, DIM])
def test_output_equals_that_of_speechbrain(num_heads: int) -> None:
    torch.manual_seed(0)
    pooling = AttentiveStatisticsPooling(DIM, num_heads, WIDTH)
    pooling.hidden.weight.data.abs_()
    pooling.hidden.bias.data.abs_()
    torch.nn.init.normal_(pooling.scorer.weight, std=5)
    frames, lengths = torch.rand(3, 30, DIM), torch.tensor([3, 11, 30])
    mask = torch.arange(30) < lengths[:, None]
    expected = same_in_speechbrain(pooling)(frames.transpose(1, 2), lengths / 30).squeeze(2)
    torch.testing.assert_close(pooling(frames, mask), expected, atol=1e-5, rtol=1e-5)
    # The weights are far from equal, so the heads affect the output.
    assert (pooling(frames, mask)[:, :DIM] - frames[:, :3].mean(dim=1)).abs().max() > 0.05


def test_a_constant_utterance_has_a_finite_gradient() -> None:
    pooling = AttentiveStatisticsPooling(DIM, 2)
    frames = torch.randn(2, 1, DIM).expand(2, 6, DIM).clone().requires_grad_()
    mask = torch.tensor([[True] * 6, [True] + [False] * 5])
    pooled = pooling(frames, mask)
    pooled.sum().backward()
    torch.testing.assert_close(pooled[:, DIM:], torch.full((2, DIM), 1e-6), atol=1e-6, rtol=0)
    assert frames.grad.isfinite().all()


def test_deviations_much_smaller_than_the_mean_survive_bfloat16_products() -> None:
    frames = 100 + 0.01 * torch.randn(1, 500, DIM)
    mask = torch.ones(1, 500, dtype=torch.bool)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        pooled = AttentiveStatisticsPooling(DIM)(frames, mask)
    assert pooled.dtype is torch.float32
    torch.testing.assert_close(pooled[0, DIM:], frames[0].std(dim=0), atol=0, rtol=0.1)


def test_a_head_projects_means_and_deviations() -> None:
    options = {"num_heads": 4, "attention_dim": 16}
    config = HeadConfig(dim=8, hidden_dim=8, pooling="attentive_statistics", pooling_options=options)
    head = AttributeHead(config, num_layers=3, input_dim=6)
    assert (head.pooling.scorer.weight.shape, head.projection.weight.shape) == ((4, 16), (8, 16))
    embedding = head([torch.randn(2, 9, 6)] * 3, torch.ones(2, 9, dtype=torch.bool))
    torch.testing.assert_close(embedding.norm(dim=1), torch.ones(2))


@pytest.mark.parametrize(
    ("pooling", "options", "message"),
    [
        ("attentive_statistics", {"num_heads": 3}, "head: num_heads 3 does not divide hidden_dim 8"),
        ("attentive_statistics", {"num_heads": 0}, "head: num_heads 0 does not divide hidden_dim 8"),
        ("attentive_statistics", {"attention_dim": 0}, "head: attention_dim must be at least 1, found 0"),
        (
            "attentive_statistics",
            {"heads": 2},
            "head: pooling attentive_statistics: unknown key 'heads' .did you mean num_heads",
        ),
        ("mean", {"num_heads": 2}, "head: pooling mean: unknown key 'num_heads'; legal keys: none"),
    ],
)
def test_invalid_options_are_refused(pooling: str, options: dict, message: str) -> None:
    with pytest.raises(UserError, match=message):
        AttributeHead(HeadConfig(dim=8, hidden_dim=8, pooling=pooling, pooling_options=options), 3, 6)
