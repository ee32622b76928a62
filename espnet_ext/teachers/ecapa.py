"""ECAPA-TDNN of SpeechBrain (Desplanques et al., 2020, arXiv 2005.07143), trained on VoxCeleb 1 and 2."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from espnet_ext.audio import RATE
from espnet_ext.hub.pickled_weights import load_checkpoint
from espnet_ext.teachers.abs_teacher import AbsTeacher, package_version
from espnet_ext.teachers.runtime import (
    DEFAULT_RUNTIME,
    Runtime,
    fingerprint,
    hub_folder,
    local_folder,
    teacher_inference,
)
from espnet_ext.utils.batching import sorted_batches
from espnet_ext.utils.errors import UserError

if TYPE_CHECKING:
    import torch
    from torch import Tensor, nn

WEIGHTS = "embedding_model.ckpt"
# Dilations of the published model; its other sizes follow from the shapes of its weights.
DILATIONS = (1, 2, 3, 4, 1)
# One frame every 10 ms: SpeechBrain's Fbank.
HOP_SAMPLES = 160
# Reflection padding needs more frames than it adds.
MIN_FRAMES = 1 + max(DILATIONS)
# Padded samples of a batch, which need 0.4 GiB on a CPU and 8 GiB on a GPU.
CPU_BATCH, GPU_BATCH = 30 * RATE, 600 * RATE
# Longer than any utterance of VoxCeleb; 2.4 GiB on a CPU.
MAX_S = 180


class EcapaTeacher(AbsTeacher):
    """Speaker teacher, 192-d. The package does not contain the weights (speechbrain/spkrec-ecapa-voxceleb).

    The vector of an utterance is the output of `EncoderClassifier.encode_batch` for this utterance alone; for an
    utterance longer than MAX_S, the mean over its parts. In SpeechBrain's own batches, padding changes the result: its
    convolutions use reflection padding at the end of the batch. Here every utterance is reflected at its own end.

    No code from the hub is executed: `hyperparams.yaml`, which may contain code, is not read.

    Args:
        model: hub id or folder of a SpeechBrain ECAPA-TDNN with the same features and dilations.
        revision: commit or tag of the hub.
        precision: `float32` or, for speed on a GPU, `bfloat16`.
        runtime: device and offline weights.

    Raises:
        UserError: the package is not installed, or the weights are missing or belong to another model.
    """

    name = "ecapa"
    modality = "speech"
    max_samples = MAX_S * RATE

    def __init__(
        self,
        model: str = "speechbrain/spkrec-ecapa-voxceleb",
        revision: str | None = None,
        precision: str = "float32",
        runtime: Runtime = DEFAULT_RUNTIME,
    ) -> None:
        package = package_version("speechbrain", self.name)
        from speechbrain.lobes.features import Fbank
        from speechbrain.processing.features import InputNormalization

        from espnet_ext.model.weights import fill_strictly

        self.compute_on(runtime, precision)
        folder = local_folder(self.name, model, runtime.teacher_dir, [WEIGHTS])
        path = (folder or hub_folder(self.name, model, revision, [WEIGHTS])) / WEIGHTS
        weights = load_checkpoint(path)
        try:
            network = build_network(weights)
        except (KeyError, IndexError) as error:
            raise UserError(f"{path}: not a SpeechBrain ECAPA-TDNN: {error} is missing") from error
        fill_strictly(network, weights, path)
        self.network = network.to(self.device).eval().requires_grad_(False)
        self.fbank = Fbank(n_mels=weights["blocks.0.conv.conv.weight"].shape[1])
        self.mean_norm = InputNormalization(norm_type="sentence", std_norm=False)
        self.dim = weights["fc.conv.weight"].shape[0]
        self.version = f"speechbrain {package} {model} {fingerprint([path])}"
        of_long = f"over {MAX_S} s the mean of equal parts"
        self.normalisation = f"mean of the utterance's log-mel subtracted; {of_long}; {precision}; L2"
        self._num_frames: Tensor | None = None  # of the batch in the network
        self._reflect_each_utterance()

    def _embed(self, items: Sequence[np.ndarray]) -> np.ndarray:
        num_samples = np.array([len(samples) for samples in items])
        usable = np.array([samples.any() for samples in items]) & (num_samples // HOP_SAMPLES + 1 >= MIN_FRAMES)
        vectors = np.full((len(items), self.dim), np.nan, np.float32)
        indices = np.flatnonzero(usable)
        for batch in sorted_batches(num_samples[indices], GPU_BATCH if self.num_gpus else CPU_BATCH):
            rows = indices[batch]
            vectors[rows] = self._embed_batch([items[row] for row in rows], num_samples[rows])
        return vectors

    def _embed_batch(self, items: Sequence[np.ndarray], num_samples: np.ndarray) -> np.ndarray:
        import torch

        speech = torch.nn.utils.rnn.pad_sequence([torch.from_numpy(samples) for samples in items], batch_first=True)
        num_frames = torch.from_numpy(num_samples // HOP_SAMPLES + 1).to(self.device)
        with teacher_inference(self.device):
            features = self._features(speech.to(self.device), num_frames)
        with teacher_inference(self.device, self.precision):
            self._num_frames = num_frames
            # Half a frame less, because SpeechBrain compares frame numbers with the rounded length * frames.
            lengths = (num_frames - 0.5) / features.shape[1]
            return self.network(features, lengths).squeeze(1).float().cpu().numpy()

    def _features(self, speech: Tensor, num_frames: Tensor) -> Tensor:
        """SpeechBrain's mean-normalized log-mel of (batch, samples), with frames for the reflection after the end."""
        import torch
        from speechbrain.processing.features import spectral_magnitude

        magnitude = spectral_magnitude(self.fbank.compute_STFT(speech))
        real = torch.arange(magnitude.shape[1], device=speech.device) < num_frames[:, None]
        # Without the mask, a window after the end that contains the last samples could raise the utterance's
        # maximum; SpeechBrain clips 80 dB below it.
        features = self.fbank.compute_fbanks(magnitude * real[..., None])
        features = self.mean_norm(features, (num_frames - 0.5) / features.shape[1])
        return torch.nn.functional.pad(features, (0, 0, 0, MIN_FRAMES - 1))

    def _reflect_each_utterance(self) -> None:
        from speechbrain.nnet.CNN import Conv1d

        for module in self.network.modules():
            if isinstance(module, Conv1d) and module.kernel_size > 1:
                module.register_forward_pre_hook(self._reflect_ends)

    def _reflect_ends(self, conv: nn.Module, inputs: tuple[Tensor]) -> tuple[Tensor]:
        """Write the reflection padding of a single utterance after each utterance of (batch, channels, frames)."""
        import torch

        (frames,) = inputs
        steps = torch.arange((conv.kernel_size - 1) * conv.dilation // 2, device=frames.device)
        assert self._num_frames is not None  # the network runs
        ends = self._num_frames[:, None, None].expand(-1, frames.shape[1], len(steps))
        return (frames.scatter(2, ends + steps, frames.gather(2, ends - 2 - steps)),)


def build_network(weights: dict[str, torch.Tensor]) -> nn.Module:
    """SpeechBrain's ECAPA-TDNN with the sizes of its weights; KeyError names a missing weight."""
    from speechbrain.lobes.models.ECAPA_TDNN import ECAPA_TDNN

    inputs = [f"blocks.{i}.tdnn1.conv.conv.weight" for i in range(1, len(DILATIONS) - 1)]
    depthwise = [f"blocks.{i}.res2net_block.blocks.0.conv.conv.weight" for i in range(1, len(DILATIONS) - 1)]
    first, last = "blocks.0.conv.conv.weight", "mfa.conv.conv.weight"
    scale = sum(name.startswith("blocks.1.res2net_block.blocks.") for name in weights if name.endswith("conv.bias"))
    return ECAPA_TDNN(
        weights[first].shape[1],
        lin_neurons=weights["fc.conv.weight"].shape[0],
        channels=[weights[name].shape[0] for name in (first, *inputs, last)],
        kernel_sizes=[weights[name].shape[2] for name in (first, *depthwise, last)],
        dilations=list(DILATIONS),
        attention_channels=weights["asp.tdnn.conv.conv.weight"].shape[0],
        res2net_scale=scale + 1,
        se_channels=weights["blocks.1.se_block.conv1.conv.weight"].shape[0],
    )
