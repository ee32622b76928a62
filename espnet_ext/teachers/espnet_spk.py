"""Any speaker model of ESPnet-SPK (Jung et al., 2024, arXiv 2401.17230), by name."""

from __future__ import annotations

import argparse
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from espnet_ext.audio import RATE
from espnet_ext.hub.pickled_weights import META, espnet_files, load_checkpoint, packed_files
from espnet_ext.teachers.abs_teacher import AbsTeacher, package_version
from espnet_ext.teachers.runtime import (
    DEFAULT_RUNTIME,
    Runtime,
    fingerprint,
    hub_folder,
    local_folder,
    teacher_inference,
)
from espnet_ext.utils.errors import UserError
from espnet_ext.utils.strict_yaml import read_yaml

if TYPE_CHECKING:
    from torch import nn

# These front ends download pickled weights and code.
UNSAFE_FRONT_ENDS = ("s3prl", "fused")
# Samples of a batch, which need 1 GiB on a CPU and 6 GiB on a GPU.
CPU_BATCH, GPU_BATCH = 30 * RATE, 300 * RATE
# Longer than any utterance of VoxCeleb; 6 GiB on a CPU.
MAX_S = 180


class EspnetSpkTeacher(AbsTeacher):
    """Speaker teacher with any model of ESPnet-SPK, for instance `espnet/voxcelebs12_rawnet3` (192-d).

    The vector of an utterance is the output of `Speech2Embedding` for the whole utterance; for an utterance longer than
    MAX_S, the mean over its parts. These networks pad in different ways, so a batch has utterances of equal length.

    No code from the hub is executed: ESPnet's own classes build the network from its config.

    Args:
        model: hub id, or the folder of a packed (`meta.yaml`) or trained (`config.yaml`, one `*.pth`) model.
        revision: commit or tag of the hub.
        precision: `float32` or, for speed on a GPU, `bfloat16`.
        runtime: device and offline weights.

    Raises:
        UserError: the model is missing or invalid, or its front end downloads code.
    """

    name = "espnet_spk"
    modality = "speech"
    max_samples = MAX_S * RATE

    def __init__(
        self,
        model: str,
        revision: str | None = None,
        precision: str = "float32",
        runtime: Runtime = DEFAULT_RUNTIME,
    ) -> None:
        package = package_version("espnet", self.name)
        from espnet_ext.model.weights import fill_strictly

        self.compute_on(runtime, precision)
        folder = local_folder(self.name, model, runtime.teacher_dir, [f"{META}|config.yaml"])
        config, weights = espnet_files(folder) if folder else _fetch(self.name, model, revision)
        self.network = build_network(config)
        # The classifier of the training speakers is not needed.
        self.network.loss = None
        kept = {name: tensor for name, tensor in load_checkpoint(weights).items() if not name.startswith("loss.")}
        fill_strictly(self.network, kept, weights)
        self.network.to(self.device).eval().requires_grad_(False)
        self.dim = self.network.projector.output_size()
        self.version = f"espnet {package} {model} {fingerprint([config, weights])}"
        self.normalisation = f"whole utterance; over {MAX_S} s the mean of equal parts; {precision}; L2"

    def _embed(self, items: Sequence[np.ndarray]) -> np.ndarray:
        import torch

        vectors = np.full((len(items), self.dim), np.nan, np.float32)
        for rows in equal_length_batches(items, GPU_BATCH if self.num_gpus else CPU_BATCH):
            speech = torch.from_numpy(np.stack([items[row] for row in rows])).to(self.device)
            with teacher_inference(self.device, self.precision):
                vectors[rows] = self.network(speech, extract_embd=True).float().cpu().numpy()
        return vectors


def equal_length_batches(items: Sequence[np.ndarray], budget: int) -> list[list[int]]:
    """Indices of waveforms in batches of equal length and of at most `budget` samples, or of one; without silence."""
    by_length: dict[int, list[int]] = defaultdict(list)
    for index, samples in enumerate(items):
        if samples.any():
            by_length[len(samples)].append(index)
    batches = []
    for length, indices in sorted(by_length.items()):
        size = max(1, budget // length)
        batches += [indices[start : start + size] for start in range(0, len(indices), size)]
    return batches


def build_network(config: Path) -> nn.Module:
    """Build the speaker model of an ESPnet config.

    Raises:
        UserError: ESPnet cannot build it, or would download code.
    """
    options = read_yaml(config)
    if options.get("frontend") in UNSAFE_FRONT_ENDS:
        raise UserError(
            f"{config}: its front end ({options['frontend']}) downloads code and pickled weights, which are not "
            "executed here; choose a model with another front end, such as espnet/voxcelebs12_rawnet3"
        )
    from espnet2.tasks.spk import SpeakerTask

    try:
        # `init` is not needed for loaded weights, and older models have names that no longer exist.
        return SpeakerTask.build_model(argparse.Namespace(**(options | {"init": None})))
    except Exception as error:  # depends on ESPnet's class
        raise UserError(f"{config}: ESPnet cannot build the speaker model: {type(error).__name__}: {error}") from error


def _fetch(teacher: str, model: str, revision: str | None) -> tuple[Path, Path]:
    names = packed_files(hub_folder(teacher, model, revision, [META]) / META)
    return espnet_files(hub_folder(teacher, model, revision, [META, *names]))
