"""What of the encoder trains, and at what cost: freezing by layer range, adapters, gradient checkpointing."""

from espnet_ext.config.training import EncoderConf
from espnet_ext.utils.errors import UserError
from espnet_ext.utt.encoder import AbsSpeechEncoder


def choose_trained(encoder: AbsSpeechEncoder, conf: EncoderConf) -> None:
    """Prepare an encoder whose weights are loaded for training.

    Raises:
        UserError: adapters in an encoder that is frozen as a whole, or see `add_lora` and `freeze_blocks`.
    """
    if conf.lora_rank:
        if conf.freeze_blocks == -1:
            raise UserError("encoder_conf: lora_rank has no effect with freeze_blocks -1: set one of them to 0")
        # Imported here: peft takes a second, and few trainings use adapters.
        from espnet_ext.utt.lora import add_lora

        add_lora(encoder, conf.lora_rank, conf.lora_alpha, conf.lora_dropout, conf.lora_targets)
    freeze_blocks(encoder, conf.freeze_blocks)
    if conf.gradient_checkpointing:
        encoder.encoder.activation_checkpointing_enable()


def freeze_blocks(encoder: AbsSpeechEncoder, num_blocks: int) -> None:
    """Keep the first `num_blocks` blocks of the encoder as they are (0 = train all, -1 = freeze all).

    Block 0 is the front end, block k the k-th layer. Parameters that the architecture itself keeps fixed
    stay fixed.

    Raises:
        UserError: more blocks than the encoder has.
    """
    blocks = encoder.blocks()
    if not -1 <= num_blocks <= len(blocks):
        raise UserError(f"encoder_conf: freeze_blocks {num_blocks} is not within -1 to {len(blocks)}")
    encoder.num_frozen_blocks = len(blocks) if num_blocks == -1 else num_blocks
    for block in blocks[: encoder.num_frozen_blocks]:
        block.requires_grad_(False)
