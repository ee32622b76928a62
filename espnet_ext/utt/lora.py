"""Low-rank adapters in the encoder: a few percent of its parameters train, and merge into its own afterwards."""

from collections.abc import Sequence

from peft import LoraConfig, inject_adapter_in_model
from peft.tuners.lora import LoraLayer
from torch import nn

from espnet_ext.utils.errors import UserError
from espnet_ext.utt.encoder import AbsSpeechEncoder


def add_lora(
    encoder: AbsSpeechEncoder, rank: int, alpha: float, dropout: float = 0.0, targets: Sequence[str] = ()
) -> None:
    """Put adapters (Hu et al., 2021, arXiv 2106.09685) beside linear layers; nothing else of the encoder trains.

    The encoder's output is the same until they are trained.

    Args:
        encoder: the pretrained encoder.
        rank: of the adapters' products, at least 1.
        alpha: the products are scaled by alpha / rank.
        dropout: on the adapters' input.
        targets: names of the linear layers to adapt, in every block; none = the encoder's own choice.

    Raises:
        UserError: a rank below 1, or a target that no linear layer is called.
    """
    if rank < 1:
        raise UserError(f"encoder_conf: lora_rank must be at least 1 (or 0 for no adapters), found {rank}")
    legal = {name.split(".")[-1] for name, module in encoder.encoder.named_modules() if isinstance(module, nn.Linear)}
    targets = targets or encoder.lora_targets
    if unknown := sorted(set(targets) - legal):
        raise UserError(
            f"encoder_conf: lora_targets: no linear layer {unknown[0]!r}; legal: {', '.join(sorted(legal))}"
        )
    config = LoraConfig(r=rank, lora_alpha=alpha, lora_dropout=dropout, target_modules=list(targets))
    inject_adapter_in_model(config, encoder.encoder)


def merge_lora(encoder: AbsSpeechEncoder) -> None:
    """Add the adapters' products to the weights beside them and take them away: a plain encoder of the same output."""
    adapted = [(name, module) for name, module in encoder.named_modules() if isinstance(module, LoraLayer)]
    for name, module in adapted:
        module.merge()
        encoder.set_submodule(name, module.get_base_layer())
