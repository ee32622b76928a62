"""Floating-point operations of an encoder's forward pass, for model FLOP utilization: `encoder_flops.py --help`.

Products and convolutions are counted (a multiplication and an addition are two operations), by torch, on shapes
without values: a model of any size needs neither memory nor time. A training step is about three forward passes.
"""

import argparse
import json
from pathlib import Path
from typing import Any

import torch
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode
from transformers.initialization import no_init_weights

from espnet_ext.model.encoder import build_encoder

SAMPLING_RATE = 16_000
W2V_BERT_2 = {"model_type": "wav2vec2-bert"}  # transformers' defaults are those of facebook/w2v-bert-2.0


def forward_flops(config: dict[str, Any], duration_s: float) -> int:
    """Operations of one forward pass over an utterance.

    Args:
        config: content of the encoder's Hugging Face config.json.
        duration_s: attention makes the cost of a second grow with it.
    """
    num_samples = round(duration_s * SAMPLING_RATE)
    # The features' tables come from numpy: they are made with values, and converted.
    with FakeTensorMode(allow_non_fake_inputs=True), no_init_weights():
        encoder = build_encoder(config).eval()
        speech, lengths = torch.empty(1, num_samples), torch.full((1,), num_samples)
        # Fused kernels hide their products.
        counter = FlopCounterMode(display=False)
        with torch.no_grad(), sdpa_kernel(SDPBackend.MATH), counter:
            encoder(speech, lengths)
    return counter.get_total_flops()


def main() -> None:
    """Print a line for each duration."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--encoder", type=Path, help="folder with config.json (default: w2v-BERT 2.0)")
    parser.add_argument("--durations_s", type=float, nargs="+", default=[5.0, 10.0, 20.0, 30.0])
    args = parser.parse_args()
    config = json.loads((args.encoder / "config.json").read_text(encoding="utf-8")) if args.encoder else W2V_BERT_2
    for duration_s in args.durations_s:
        flops = forward_flops(config, duration_s)
        print(f"{duration_s:g} s: {flops / duration_s / 1e9:.1f} GFLOP per second of audio (forward)")


if __name__ == "__main__":
    main()
