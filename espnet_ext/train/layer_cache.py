"""Outputs of the frozen encoder for every utterance, computed once and kept on disk."""

import hashlib
from collections.abc import Iterator, Mapping
from itertools import batched
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import save
from torch.nn.utils.rnn import pad_sequence

from espnet_ext.data.atomic import atomic_path
from espnet_ext.data.audio import read_dumped
from espnet_ext.data.batching import batch_seconds, sorted_batches
from espnet_ext.data.data_dir import read_scp, write_scp
from espnet_ext.data.layer_store import append_layers
from espnet_ext.data.origin import empty_unless, read_json, sha256_of
from espnet_ext.data.stale import remove_temporary
from espnet_ext.errors import UserError
from espnet_ext.hub.encoder_weights import WEIGHTS, weight_files
from espnet_ext.hub.model_files import DESCRIPTION, ENCODER
from espnet_ext.hub.weights import read_weights
from espnet_ext.utt.encoder import AbsSpeechEncoder
from espnet_ext.utt.encoder.frame_average import average_frames
from espnet_ext.utt.precision import choose_autocast

SHARD_UTTERANCES = 512


class LayerCache:
    """`<dump>/<name>/`: one file of layers for every 512 utterances, and layers.scp over all.

    A training that freezes only the first K blocks also needs their last output at the full frame rate: hidden_K.scp,
    in the same files. A shard is written whole or not at all, and its batches depend only on its utterances: an
    interrupted run resumes after its last complete shard, and ends with the same bytes.

    Args:
        dump: a dump directory.
        encoder_folder: folder of the pretrained encoder or of a trained model; another encoder empties the cache.
        frame_average: neighboring frames averaged into one in the layers; another count empties the cache.
        autocast: name of the dtype of the encoder's matrix products; another one empties the cache, `auto` keeps that
            of the cache, or chooses the device's.
        name: of the folder below `dump`.
        device: that computes the layers.
        num_frozen_blocks: blocks whose last output is kept in hidden_<number>.scp; another number empties the cache,
            None keeps that of the cache.
    """

    def __init__(
        self,
        dump: Path,
        encoder_folder: Path,
        frame_average: int,
        autocast: str,
        name: str = "layers",
        device: str = "cpu",
        num_frozen_blocks: int | None = None,
    ) -> None:
        self.wav_scp = read_scp(dump / "wav.scp")
        self.folder = dump / name
        origin = {"encoder": encoder_hash(encoder_folder), "audio": sha256_of(dump / "wav.scp")}
        origin |= {"frame_average": frame_average}
        cached = cached_options(self.folder, origin)
        self.autocast = choose_autocast(autocast, device, cached.get("autocast"), str(self.folder))
        self.num_frozen_blocks = cached.get("num_frozen_blocks") if num_frozen_blocks is None else num_frozen_blocks
        options = {"autocast": self.autocast, "num_frozen_blocks": self.num_frozen_blocks}
        empty_unless(self.folder, origin | options)

    def fill(self, encoder: AbsSpeechEncoder, dtype: torch.dtype | None) -> Iterator[float]:
        """Compute what is missing, then write layers.scp and hidden_<number>.scp.

        Args:
            encoder: in evaluation mode.
            dtype: of the encoder's matrix products; None = float32.

        Yields:
            seconds of audio that were done, after every shard.
        """
        remove_temporary(self.folder)
        layers: dict[str, str] = {}
        hidden: dict[str, str] = {}
        for index, utterances in enumerate(batched(self.wav_scp, SHARD_UTTERANCES)):
            scp = self.folder / f"layers.{index}.scp"
            seconds = 0.0
            parts = [scp, scp.with_suffix(".ark")]
            if self.num_frozen_blocks is not None:
                parts.append(self._hidden_scp(scp))
            if not all(path.exists() for path in parts):
                seconds = self._write_shard(scp, utterances, encoder, dtype)
            layers |= read_scp(scp)
            if self.num_frozen_blocks is not None:
                hidden |= read_scp(self._hidden_scp(scp))
            yield seconds
        if self.num_frozen_blocks is not None:
            write_scp(self.folder / f"hidden_{self.num_frozen_blocks}.scp", hidden)
        write_scp(self.folder / "layers.scp", layers)

    @staticmethod
    def _hidden_scp(layers_scp: Path) -> Path:
        return layers_scp.with_name(layers_scp.name.replace("layers", "hidden", 1))

    def _write_shard(
        self, scp: Path, utterances: tuple[str, ...], encoder: AbsSpeechEncoder, dtype: torch.dtype | None
    ) -> float:
        speech = [read_dumped(self.wav_scp[utterance]) for utterance in utterances]
        lengths = np.array([len(samples) for samples in speech])
        ark = scp.with_suffix(".ark")
        layers: dict[str, str] = {}
        hidden: dict[str, str] = {}
        device = next(encoder.parameters()).device
        budget = int(batch_seconds(device) * encoder.sampling_rate)
        # Autocast keeps the weights that it has cast until its outermost context ends: here, once a shard.
        casting = torch.autocast(device.type, dtype=dtype, enabled=dtype is not None)
        with atomic_path(ark) as temporary, temporary.open("wb") as stream, casting:
            for batch in sorted_batches(lengths, budget):
                outputs = encode(encoder, [speech[i] for i in batch], self.num_frozen_blocks)
                for index, (averaged, last_frozen) in zip(batch, outputs, strict=True):
                    layers[utterances[index]] = append_layers(stream, ark, averaged)
                    if last_frozen is not None:
                        hidden[utterances[index]] = append_layers(stream, ark, last_frozen)
        if self.num_frozen_blocks is not None:
            write_scp(self._hidden_scp(scp), hidden)
        write_scp(scp, layers)
        return int(lengths.sum()) / encoder.sampling_rate


def cached_options(folder: Path, origin: Mapping[str, Any]) -> dict[str, Any]:
    """`autocast` and `num_frozen_blocks` of the shards of a cache; empty if it has none, or of another origin."""
    cached = read_json(folder / "origin.json")
    if not isinstance(cached, dict) or not any(folder.glob("layers.*.scp")):
        return {}
    options = {name: cached.pop(name, None) for name in ("autocast", "num_frozen_blocks")}
    return options if cached == origin else {}


def encoder_hash(folder: Path) -> str:
    """Hash of the weights of a pretrained encoder, or of the encoder in a trained model whatever its heads."""
    if not (folder / DESCRIPTION).exists():
        return " ".join(sha256_of(path) for path in weight_files(folder))
    digest = hashlib.sha256()
    for name, tensor in sorted(read_weights(folder / WEIGHTS).items()):
        if name.startswith(ENCODER):
            digest.update(save({name: tensor}))
    return digest.hexdigest()


def check_encoder(cache: Path, encoder_folder: Path) -> None:
    """UserError when the layers of a cache are another encoder's than the folder's."""
    origin = read_json(cache / "origin.json") or {}
    if origin.get("encoder") != encoder_hash(encoder_folder):
        raise UserError(f"{cache}: layers of another encoder than that of {encoder_folder}: dump its own")


@torch.no_grad()  # autocast keeps no cast weights in inference mode
def encode(
    encoder: AbsSpeechEncoder, speech: list[np.ndarray], num_frozen_blocks: int | None = None
) -> list[tuple[np.ndarray, np.ndarray | None]]:
    """Layers of each utterance of one batch, and the last output of the frozen blocks.

    Args:
        encoder: in evaluation mode.
        speech: float32 (samples,) each.
        num_frozen_blocks: see `LayerCache`.

    Returns:
        (averaged frames, num_layers, dim) and (frames, dim) float16 each, without padding; None for the latter if
        `num_frozen_blocks` is None.
    """
    device = next(encoder.parameters()).device
    padded = pad_sequence([torch.from_numpy(samples) for samples in speech], batch_first=True).to(device)
    num_samples = torch.tensor([len(samples) for samples in speech], device=device)
    layers, frame_mask = encoder.encode(padded, num_samples)
    averaged, averaged_mask = average_frames(layers, frame_mask, encoder.frame_average)
    stacked = _without_padding(torch.stack(averaged, dim=2), averaged_mask)
    if num_frozen_blocks is None:
        return [(own, None) for own in stacked]
    return list(zip(stacked, _without_padding(layers[num_frozen_blocks - 1], frame_mask), strict=True))


def _without_padding(frames: torch.Tensor, mask: torch.Tensor) -> list[np.ndarray]:
    """Real frames of each utterance of (batch, frames, ...), float16."""
    rows = frames.half().cpu().numpy()
    return [row[:count] for row, count in zip(rows, mask.sum(dim=1).tolist(), strict=True)]
