"""Freezing of the encoder by layer range."""

from espnet_ext.errors import UserError
from espnet_ext.utt.encoder import AbsSpeechEncoder


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
    for block in blocks if num_blocks == -1 else blocks[:num_blocks]:
        block.requires_grad_(False)
