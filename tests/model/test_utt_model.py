"""The untrained encoder as a system; test_espnet_model.py checks that embeddings do not depend on the batch."""

import torch

from espnet_ext.model.utt_model import UntrainedModel
from helpers.tiny_encoders import tiny_encoder


def test_the_untrained_encoder_averages_normalized_layers_and_real_frames() -> None:
    encoder = tiny_encoder("whisper")
    speech, length = 0.1 * torch.randn(1, 5000), torch.tensor([5000])
    with torch.no_grad():
        layers, _ = encoder(speech, length)
        found = UntrainedModel(encoder, ["sem", "spk"]).embed(speech, length)
    normalized = [
        (h - h.mean(-1, keepdim=True)) / (h.var(-1, unbiased=False, keepdim=True) + 1e-5).sqrt() for h in layers
    ]
    mean = (sum(normalized) / len(layers))[0].double().mean(dim=0)
    for name in ("sem", "spk"):
        torch.testing.assert_close(found[name][0].double(), mean / mean.norm(), atol=1e-5, rtol=0)
