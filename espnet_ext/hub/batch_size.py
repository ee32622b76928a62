"""How much audio an encoder takes at once where nothing is trained."""

import torch

# A CPU is fastest while its caches hold what passes from layer to layer; a GPU wants work enough that it does not wait
# for the next kernel.
CPU_BATCH_S, GPU_BATCH_S = 20.0, 240.0


def batch_seconds(device: torch.device) -> float:
    """Audio of a batch (s, padding included) that suits a device."""
    return CPU_BATCH_S if device.type == "cpu" else GPU_BATCH_S
