"""WavLM's self-attention on torch's scaled dot product."""

import torch
from torch import Tensor, nn
from transformers.models.wavlm.modeling_wavlm import WavLMAttention


class GatedRelativeAttention(WavLMAttention):
    """WavLM's attention with its gated position bias (arXiv 2110.13900), without keeping the attention weights.

    The stock product reads the projections' weights past their modules, so that LoRA on them would do nothing.
    """

    def torch_multi_head_self_attention(
        self, hidden_states: Tensor, attention_mask: Tensor, gated_position_bias: Tensor
    ) -> tuple[Tensor, None]:
        """Attend.

        Args:
            hidden_states: (batch, frames, dim).
            attention_mask: (batch, frames) bool, True on real frames.
            gated_position_bias: (batch * heads, frames, frames), added to the scaled products.

        Returns:
            (batch, frames, dim), and None where transformers returns attention weights.
        """
        query, key, value = (
            projection(hidden_states).unflatten(2, (self.num_heads, -1)).transpose(1, 2)
            for projection in (self.q_proj, self.k_proj, self.v_proj)
        )
        bias = gated_position_bias.unflatten(0, (-1, self.num_heads)).to(query.dtype)
        bias = bias.masked_fill(~attention_mask[:, None, None], -torch.inf)
        dropout = self.dropout if self.training else 0.0
        attended = nn.functional.scaled_dot_product_attention(query, key, value, bias, dropout)
        return self.out_proj(attended.transpose(1, 2).flatten(2)), None
