"""Whitened frames have unit covariance, and folding the whitening into a head does not change its output."""

import pytest
import torch
from torch import Tensor

from espnet_ext.config.attributes import HeadConfig
from espnet_ext.model.head.attribute_head import AttributeHead
from espnet_ext.model.head.whitening import SHRINKAGE, LayerWhitening

NUM_LAYERS, DIM = 3, 6


def frames_of_uneven_variance(count: int) -> Tensor:
    """(count, layers, dim) frames whose entries differ in mean and scale, and are correlated."""
    torch.manual_seed(0)
    mixing = torch.randn(NUM_LAYERS, DIM, DIM) * torch.logspace(-1, 1, DIM)[:, None]
    return torch.einsum("nld,lde->nle", torch.randn(count, NUM_LAYERS, DIM), mixing) + 3 * torch.randn(NUM_LAYERS, DIM)


@pytest.fixture
def whitening() -> LayerWhitening:
    whitening = LayerWhitening(NUM_LAYERS, DIM)
    whitening.fit(frames_of_uneven_variance(400))
    return whitening


@pytest.fixture
def head() -> AttributeHead:
    torch.manual_seed(1)
    head = AttributeHead(HeadConfig(dim=4, hidden_dim=5, normalize_layers=True, first_layer=1), NUM_LAYERS, DIM)
    for parameter in head.parameters():
        torch.nn.init.normal_(parameter)
    return head


def test_whitened_frames_have_zero_mean_and_the_shrunken_unit_covariance(whitening: LayerWhitening) -> None:
    frames = frames_of_uneven_variance(400)
    whitened = whitening(frames[None].unbind(dim=2))
    normalized = torch.nn.functional.layer_norm(frames, (DIM,)).double()
    for index, layer in enumerate(whitened):
        layer = layer[0].double()
        torch.testing.assert_close(layer.mean(dim=0), torch.zeros(DIM).double(), atol=1e-4, rtol=0)
        centered = normalized[:, index] - normalized[:, index].mean(dim=0)
        variances = torch.linalg.eigvalsh(centered.T @ centered / len(centered))
        # The variance along an axis of variance v becomes v / (v + shrinkage).
        expected = (variances / (variances + SHRINKAGE * variances.mean())).sort().values
        found = torch.linalg.eigvalsh(layer.T @ layer / len(layer))
        torch.testing.assert_close(found, expected, atol=1e-4, rtol=1e-4)


def embed(head: AttributeHead, whitening: LayerWhitening | None) -> Tensor:
    layers = frames_of_uneven_variance(14).unflatten(0, (2, 7)).unbind(dim=2)
    mask = torch.ones(2, 7, dtype=torch.bool)
    return head(layers, mask) if whitening is None else head(whitening(layers), mask, normalized=True)


def test_a_folded_head_gives_the_same_embeddings_without_whitening(
    whitening: LayerWhitening, head: AttributeHead
) -> None:
    expected = embed(head, whitening)
    assert not torch.allclose(embed(head, None), expected, atol=0.01)
    whitening.fold([head])
    torch.testing.assert_close(embed(head, None), expected, atol=1e-5, rtol=0)


def test_unfolding_reverts_folding(whitening: LayerWhitening, head: AttributeHead) -> None:
    expected = embed(head, None)
    before = {name: parameter.clone() for name, parameter in head.named_parameters()}
    whitening.unfold([head])
    torch.testing.assert_close(embed(head, whitening), expected, atol=1e-5, rtol=0)
    whitening.fold([head])
    for name, parameter in head.named_parameters():
        torch.testing.assert_close(parameter, before[name], atol=1e-5, rtol=1e-5)


def test_layers_without_variance_stay_finite() -> None:
    whitening = LayerWhitening(1, DIM)
    whitening.fit(torch.ones(10, 1, DIM) + 1e-9 * torch.randn(10, 1, DIM))
    assert all(layer.isfinite().all() for layer in whitening([torch.randn(1, 4, DIM)]))
