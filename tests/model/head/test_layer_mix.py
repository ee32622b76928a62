"""The layer mix against a float64 loop of the paper's formula, and its memory use."""

import pytest
import torch
from torch import Tensor

from espnet_ext.model.head.layer_mix import LayerMix
from espnet_ext.utils.errors import UserError


def random_mix(num_layers: int, normalize: bool) -> LayerMix:
    """A mix with random parameters: equal weights or a zero bias would hide a fault."""
    torch.manual_seed(0)
    mix = LayerMix(num_layers, input_dim=6, dim=5, normalize_layers=normalize)
    for parameter in mix.parameters():
        torch.nn.init.normal_(parameter)
    return mix


def mix_one_frame(mix: LayerMix, frames: list[Tensor]) -> Tensor:
    """LayerNorm(sum_l softmax(lambda)_l (W_l h_l + b_l)) of one frame, in float64."""
    share = mix.logits.double().exp() / mix.logits.double().exp().sum()
    total = torch.zeros(5, dtype=torch.float64)
    for index, frame in enumerate(frames):
        frame = frame.double()
        if mix.normalize_layers:
            frame = (frame - frame.mean()) / (frame.var(unbiased=False) + 1e-5).sqrt()
        total += share[index] * (mix.weight[index].double() @ frame + mix.bias[index].double())
    normed = (total - total.mean()) / (total.var(unbiased=False) + mix.norm.eps).sqrt()
    return normed * mix.norm.weight.double() + mix.norm.bias.double()


@pytest.mark.parametrize("normalize", [False, True])
def test_matches_the_formula_in_float64(normalize: bool) -> None:
    mix = random_mix(4, normalize)
    layers = [3.0**index * torch.randn(2, 7, 6) for index in range(4)]
    mixed = mix(layers)
    for utterance in range(2):
        for frame in range(7):
            expected = mix_one_frame(mix, [layer[utterance, frame] for layer in layers])
            torch.testing.assert_close(mixed[utterance, frame].double(), expected, atol=1e-5, rtol=1e-5)


def test_gradients_are_those_of_the_unfolded_formula() -> None:
    mix = random_mix(4, normalize=False).double()
    layers = [torch.randn(2, 7, 6, dtype=torch.float64) for _ in range(4)]
    goal = torch.randn(2, 7, 5, dtype=torch.float64)
    folded = torch.autograd.grad((mix(layers) * goal).sum(), list(mix.parameters()))
    share = mix.logits.softmax(dim=0)
    total = sum(s * (h @ w.T + b) for s, h, w, b in zip(share, layers, mix.weight, mix.bias, strict=True))
    unfolded = torch.autograd.grad((mix.norm(total) * goal).sum(), list(mix.parameters()))
    for one, other in zip(folded, unfolded, strict=True):
        torch.testing.assert_close(one, other)


def saved_bytes(num_layers: int) -> int:
    """Bytes that autograd saves for the backward pass, without the encoder's frames and the parameters."""
    mix = LayerMix(num_layers, input_dim=6, dim=5, normalize_layers=False)
    layers = [torch.randn(2, 500, 6) for _ in range(num_layers)]
    known = {layer.data_ptr() for layer in layers} | {parameter.data_ptr() for parameter in mix.parameters()}
    kept: dict[int, int] = {}

    def keep(tensor: Tensor) -> Tensor:
        if tensor.data_ptr() not in known:
            kept[tensor.data_ptr()] = tensor.numel() * tensor.element_size()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        mixed = mix(layers)
    mixed.sum().backward()
    return sum(kept.values())


def test_no_projected_sequence_is_saved_for_the_backward_pass() -> None:
    one_sequence = 2 * 500 * 5 * 4
    assert saved_bytes(12) - saved_bytes(2) < one_sequence / 2


def test_layer_weights_start_equal_and_sum_to_one() -> None:
    shares = LayerMix(5, 6, 5, normalize_layers=False).layer_weights()
    torch.testing.assert_close(shares, torch.full((5,), 0.2))


def test_a_wrong_number_of_layers_is_an_error() -> None:
    with pytest.raises(ValueError, match="zip"):
        random_mix(4, normalize=False)([torch.randn(1, 3, 6)] * 3)


def test_identity_init_starts_as_the_mean_of_the_layers() -> None:
    mix = LayerMix(3, 6, 6, normalize_layers=False, identity_init=True)
    layers = [torch.randn(2, 7, 6) for _ in range(3)]
    torch.testing.assert_close(mix(layers), mix.norm(sum(layers) / 3))
    with pytest.raises(UserError, match="head: identity_init needs hidden_dim 6, the encoder's, not 5"):
        LayerMix(3, 6, 5, normalize_layers=False, identity_init=True)
