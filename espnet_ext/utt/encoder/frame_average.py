"""A lower frame rate: neighbouring frames averaged into one."""

from torch import Tensor, nn


def average_frames(layers: list[Tensor], frame_mask: Tensor, count: int) -> tuple[list[Tensor], Tensor]:
    """Average every `count` neighbouring frames; the last group of an utterance over its real frames alone.

    Args:
        layers: (batch, frames, dim) each.
        frame_mask: (batch, frames) bool, True on real frames.
        count: frames that become one.

    Returns:
        (batch, ceil(frames / count), dim) each, and their mask.
    """
    if count == 1:
        return layers, frame_mask
    padding = -frame_mask.shape[1] % count
    grouped_mask = nn.functional.pad(frame_mask, (0, padding)).unflatten(1, (-1, count))
    share = grouped_mask / grouped_mask.sum(dim=2, keepdim=True).clamp(min=1)
    averaged = []
    for layer in layers:
        real = nn.functional.pad(layer.masked_fill(~frame_mask[..., None], 0.0), (0, 0, 0, padding))
        averaged.append((real.unflatten(1, (-1, count)) * share[..., None].to(layer.dtype)).sum(dim=2))
    return averaged, grouped_mask.any(dim=2)
