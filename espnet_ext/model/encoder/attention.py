"""Self-attention of w2v-BERT and WavLM, with their position biases, on torch's scaled dot product."""

from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import FunctionCtx
from transformers.models.wav2vec2_bert.modeling_wav2vec2_bert import Wav2Vec2BertSelfAttention
from transformers.models.wavlm.modeling_wavlm import WavLMAttention


class RelativeKeyAttention(Wav2Vec2BertSelfAttention):
    """`relative_key` attention (Shaw et al., 2018, arXiv 1803.02155) at the cost of one product per distinct distance.

    The stock forward looks up an embedding for each of frames x frames pairs. Here each query is multiplied with each
    distinct distance once (73 in w2v-BERT 2.0), and the products are spread over the pairs.
    """

    def forward(self, hidden_states: Tensor, attention_mask: Tensor, **_: Any) -> tuple[Tensor, None]:
        """Attend.

        Args:
            hidden_states: (batch, frames, dim).
            attention_mask: (batch, frames) bool, True on real frames.

        Returns:
            (batch, frames, dim), and None where transformers returns attention weights.
        """
        query, key, value = (
            projection(hidden_states).unflatten(2, (self.num_heads, -1)).transpose(1, 2)
            for projection in (self.linear_q, self.linear_k, self.linear_v)
        )
        by_distance = nn.functional.linear(query * self.scaling, self.distance_embedding.weight)
        bias = SpreadOverPairs.apply(by_distance, self.left_max_position_embeddings, attention_mask)
        attended = nn.functional.scaled_dot_product_attention(
            query, key, value, bias, self.dropout.p if self.training else 0.0, scale=self.scaling
        )
        return self.linear_out(attended.transpose(1, 2).flatten(2)), None


class SpreadOverPairs(torch.autograd.Function):
    """(batch, heads, frames, distances) to (batch, heads, frames, frames), -inf on padded keys.

    Distance 0 of the input is `left` frames back and all beyond; its last one is the farthest ahead and all beyond.
    The backward pass sums instead of scattering: as fast, and the same on every run.
    """

    @staticmethod
    def forward(ctx: FunctionCtx, by_distance: Tensor, left: int, key_mask: Tensor) -> Tensor:
        """See the class; `key_mask` (batch, frames) is True on real frames."""
        frames, distances = by_distance.shape[2:]
        ctx.left, ctx.distances = left, distances
        pairs = (_offsets(frames, by_distance.device) + left).clamp(0, distances - 1)
        spread = by_distance.gather(3, pairs.expand(*by_distance.shape[:2], -1, -1))
        return spread.masked_fill_(~key_mask[:, None, None], -torch.inf)

    @staticmethod
    def backward(ctx: FunctionCtx, gradient: Tensor) -> tuple[Tensor, None, None]:
        """Sum the gradient of all pairs at the same (clipped) distance."""
        frames = gradient.shape[2]
        distance = torch.arange(ctx.distances, device=gradient.device) - ctx.left
        key = torch.arange(frames, device=gradient.device)[:, None] + distance
        inside = (key >= 0) & (key < frames)
        inside &= (distance > distance[0]) & (distance < distance[-1])
        by_distance = gradient.gather(3, key.clamp(0, frames - 1).expand(*gradient.shape[:2], -1, -1)) * inside
        offsets = _offsets(frames, gradient.device)
        ends = torch.stack([offsets <= -ctx.left, offsets >= ctx.distances - 1 - ctx.left], dim=2)
        at_ends = torch.einsum("bhqk,qke->bhqe", gradient, ends.to(gradient.dtype))
        by_distance[..., 0], by_distance[..., -1] = at_ends.unbind(3)
        return by_distance, None, None


def _offsets(frames: int, device: torch.device) -> Tensor:
    """(frames, frames): how far ahead of the query (row) the key (column) is."""
    position = torch.arange(frames, device=device)
    return position - position[:, None]


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
