"""Floating-point operations of a recipe's training, phase by phase, and their time at this machine's peak.

Products and convolutions are counted by torch on one batch of random audio (a multiplication and an addition are two
operations). Run it after stages 1 and 2:

    cd egs/mini_prompts && PYTHONPATH=../TEMPLATE ../../tools/venv/bin/python ../../benchmarks/training_flops.py \\
        --configs conf/train_heads.yaml conf/train_finetune.yaml
"""

import argparse
import json
import time
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode
from training_steps import build_model

from espnet_ext.config.training import EncoderConf
from espnet_ext.config.training_input import choose_inputs
from espnet_ext.kaldi.scp import iter_scp
from espnet_ext.tasks.espnet_model import ESPnetUttModel
from espnet_ext.training.layer_cache import encode
from espnet_ext.utils.strict_yaml import read_yaml

SAMPLING_RATE = 16_000
BATCH, DURATION_S = 12, 2.0
# Counted in the same precision everywhere, on a step that does not measure gradients.
MODEL_CONF = {"autocast": "float32", "gradient_interval": 0}


def peak_flops(num_products: int = 50) -> float:
    """Operations per second of a large float32 matrix product, the best of several."""
    left, right = torch.randn(2048, 2048), torch.randn(2048, 2048)
    best_s = min(_seconds(left, right) for _ in range(num_products))
    return 2 * 2048**3 / best_s


def _seconds(left: Tensor, right: Tensor) -> float:
    started = time.perf_counter()
    left @ right
    return time.perf_counter() - started


def make_batch(model: ESPnetUttModel, dump: Path, is_cached: bool) -> dict[str, Tensor]:
    """Random audio, or the outputs of the frozen blocks for it, and random targets."""
    num_samples = int(DURATION_S * SAMPLING_RATE)
    speech = 0.1 * torch.randn(BATCH, num_samples)
    dims = {name: json.loads((dump / f"target_{name}.json").read_text())["dim"] for name in model.heads}
    batch = {name: nn.functional.normalize(torch.randn(BATCH, dim), dim=1) for name, dim in dims.items()}
    if not is_cached:
        return batch | {"speech": speech, "speech_lengths": torch.full((BATCH,), num_samples)}
    blocks = model.encoder.num_frozen_blocks
    outputs = encode(model.encoder.eval(), list(speech.numpy()), blocks)
    layers, hidden = (torch.stack([torch.from_numpy(pair[i]).float() for pair in outputs]) for i in (0, 1))
    batch |= {"layers": layers, "layers_lengths": torch.full((BATCH,), layers.shape[1])}
    if blocks < model.encoder.num_layers:
        batch |= {"hidden": hidden, "hidden_lengths": torch.full((BATCH,), hidden.shape[1])}
    return batch


def flops_per_second(model: ESPnetUttModel, batch: dict[str, Tensor]) -> float:
    """Operations of one training step for a second of audio."""
    model.train()
    # Fused attention hides its products.
    with sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as counter:
        model(**batch)[0].backward()
    return counter.get_total_flops() / (BATCH * DURATION_S)


def forward_flops_per_second(model: ESPnetUttModel) -> float:
    """Operations of the encoder's forward pass for a second of audio."""
    num_samples = int(DURATION_S * SAMPLING_RATE)
    with torch.no_grad(), sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as counter:
        model.encoder(torch.randn(1, num_samples), torch.tensor([num_samples]))
    return counter.get_total_flops() / DURATION_S


def main() -> None:
    """Print a table of the phases, and of the layers that are cached for them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dump", type=Path, default=Path("dump/train"))
    parser.add_argument("--attributes", type=Path, default=Path("conf/attributes.yaml"))
    parser.add_argument(
        "--configs", type=Path, nargs="+", required=True, help="training config of each phase, in order"
    )
    args = parser.parse_args()
    num_samples = sum(int(count) for _, count in iter_scp(args.dump / "utt2num_samples"))
    peak = peak_flops()
    print(f"peak {peak / 1e9:.0f} GFLOP/s in float32, {torch.get_num_threads()} threads, torch {torch.__version__}\n")
    print("| part | audio, s | GFLOP per s of audio | TFLOP | s at the peak |\n|---|---|---|---|---|")
    rows = []
    for config, source in zip(args.configs, choose_inputs(args.configs, num_samples), strict=True):
        options = read_yaml(config)
        conf = EncoderConf(**options["encoder_conf"])
        model = build_model(args.attributes, args.dump, conf, options["model_conf"] | MODEL_CONF)
        if source != "speech" and not rows:
            rows.append(("cached layers", num_samples, forward_flops_per_second(model)))
        batch = make_batch(model, args.dump, source != "speech")
        read = options["max_epoch"] * options["num_iters_per_epoch"] * options["batch_bins"]
        rows.append((config.stem, read, flops_per_second(model, batch)))
    for name, samples, flops in rows:
        total = flops * samples / SAMPLING_RATE
        print(
            f"| {name} | {samples / SAMPLING_RATE:.0f} | {flops / 1e9:.2f} | {total / 1e12:.1f} | {total / peak:.0f} |"
        )


if __name__ == "__main__":
    main()
