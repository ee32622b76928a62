"""The head of one attribute: unit vectors of the declared size, independent of padding."""

import pytest
import torch

from espnet_ext.config.attributes import HeadConfig
from espnet_ext.model.head.attribute_head import AttributeHead
from espnet_ext.utils.errors import UserError


@pytest.mark.parametrize("dim", [5, 8])
def test_the_head_mixes_pools_projects_and_normalizes(dim: int) -> None:
    torch.manual_seed(0)
    head = AttributeHead(HeadConfig(dim=dim, hidden_dim=8), num_layers=3, input_dim=6)
    layers = [torch.randn(2, 9, 6) for _ in range(3)]
    mask = torch.arange(9) < torch.tensor([[9], [4]])
    pooled = head.pooling(head.layer_mix(layers), mask)
    if dim != 8:
        pooled = pooled @ head.projection.weight.T + head.projection.bias
    expected = torch.stack([row / row.square().sum().sqrt() for row in pooled])
    torch.testing.assert_close(head(layers, mask), expected)


def test_there_is_a_projection_only_if_sizes_differ() -> None:
    assert not list(AttributeHead(HeadConfig(dim=8, hidden_dim=8), 3, 6).projection.parameters())
    assert list(AttributeHead(HeadConfig(dim=5, hidden_dim=8), 3, 6).projection.parameters())


def test_the_embedding_is_float32_of_unit_length_under_bfloat16() -> None:
    torch.manual_seed(0)
    head = AttributeHead(HeadConfig(dim=64, hidden_dim=32), 3, 6)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        embedding = head([torch.randn(4, 9, 6)] * 3, torch.ones(4, 9, dtype=torch.bool))
    assert embedding.dtype is torch.float32
    torch.testing.assert_close(embedding.norm(dim=1), torch.ones(4), atol=1e-6, rtol=0)


def test_dropout_acts_only_in_training() -> None:
    torch.manual_seed(0)
    head = AttributeHead(HeadConfig(dim=8, hidden_dim=8, dropout=0.5), 3, 6)
    layers, mask = [torch.randn(2, 9, 6)] * 3, torch.ones(2, 9, dtype=torch.bool)
    assert not torch.equal(head(layers, mask), head(layers, mask))
    head.eval()
    assert torch.equal(head(layers, mask), head(layers, mask))


def test_the_error_of_an_unknown_pooling_lists_the_valid_ones() -> None:
    with pytest.raises(UserError, match="pooling 'max' is unknown; legal: attention, attentive_statistics, mean"):
        AttributeHead(HeadConfig(dim=8, hidden_dim=8, pooling="max"), 3, 6)


def test_layers_below_first_layer_are_ignored_and_have_weight_zero() -> None:
    torch.manual_seed(0)
    head = AttributeHead(HeadConfig(dim=8, hidden_dim=8, first_layer=1), 3, 6)
    later, mask = [torch.randn(2, 9, 6)] * 2, torch.ones(2, 9, dtype=torch.bool)
    first = [torch.full((2, 9, 6), torch.nan), torch.zeros(2, 9, 6)]
    assert torch.equal(head([first[0], *later], mask), head([first[1], *later], mask))
    torch.testing.assert_close(head.layer_weights(), torch.tensor([0.0, 0.5, 0.5]))


def test_a_first_layer_beyond_the_last_of_the_encoder_is_refused() -> None:
    with pytest.raises(UserError, match="head: first_layer must be 0 to 2, found 3"):
        AttributeHead(HeadConfig(dim=8, hidden_dim=8, first_layer=3), 3, 6)
