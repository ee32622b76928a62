"""Trainable parameters of the encoder: freezing by layer range, LoRA adapters, gradient checkpointing."""

from collections.abc import Sequence

from torch import nn

from espnet_ext.config.training import EncoderConf
from espnet_ext.model.encoder import AbsSpeechEncoder
from espnet_ext.utils.errors import UserError


def apply_freezing(encoder: AbsSpeechEncoder, conf: EncoderConf) -> None:
    """Prepare an encoder whose weights are loaded for training.

    Raises:
        UserError: adapters in an encoder that is frozen as a whole, or see `add_lora` and `freeze_blocks`.
    """
    if conf.lora_rank:
        if conf.freeze_blocks == -1:
            raise UserError("encoder_conf: lora_rank has no effect with freeze_blocks -1: set one of them to 0")
        add_lora(encoder, conf.lora_rank, conf.lora_alpha, conf.lora_dropout, conf.lora_targets)
    freeze_blocks(encoder, conf.freeze_blocks)
    if conf.gradient_checkpointing:
        encoder.enable_checkpointing()


def freeze_blocks(encoder: AbsSpeechEncoder, num_blocks: int) -> None:
    """Freeze the first `num_blocks` blocks of the encoder (0 = train all, -1 = freeze all).

    Block 0 is the front end, block k the k-th layer. Parameters that the architecture itself freezes stay frozen.

    Raises:
        UserError: more blocks than the encoder has.
    """
    blocks = encoder.blocks()
    if not -1 <= num_blocks <= len(blocks):
        raise UserError(f"encoder_conf: freeze_blocks {num_blocks} is not within -1 to {len(blocks)}")
    encoder.num_frozen_blocks = len(blocks) if num_blocks == -1 else num_blocks
    for block in blocks[: encoder.num_frozen_blocks]:
        block.requires_grad_(False)


def add_lora(
    encoder: AbsSpeechEncoder, rank: int, alpha: float, dropout: float = 0.0, targets: Sequence[str] = ()
) -> None:
    """Add low-rank adapters (Hu et al., 2021, arXiv 2106.09685) to linear layers; nothing else of the encoder trains.

    The encoder's output is the same until the adapters are trained.

    Args:
        encoder: the pretrained encoder.
        rank: rank of the adapters' products, at least 1.
        alpha: the products are scaled by alpha / rank.
        dropout: dropout of the adapters' input.
        targets: names of the linear layers to adapt, in every block; none = the encoder's own choice.

    Raises:
        UserError: a rank below 1, or a target that is not the name of a linear layer.
    """
    # peft takes a second to import, and few trainings use adapters.
    from peft import LoraConfig, inject_adapter_in_model

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
    """Add the adapters' products to the adapted weights and remove the adapters; the output stays the same."""
    from peft.tuners.lora import LoraLayer

    adapted = [(name, module) for name, module in encoder.named_modules() if isinstance(module, LoraLayer)]
    for name, module in adapted:
        module.merge()
        encoder.set_submodule(name, module.get_base_layer())
