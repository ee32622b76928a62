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

from espnet_ext.dump.layer_store import append_layers
from espnet_ext.kaldi.archives import read_dumped
from espnet_ext.kaldi.scp import read_scp, write_scp
from espnet_ext.model.encoder import AbsSpeechEncoder
from espnet_ext.model.encoder.padding import average_frames
from espnet_ext.model.encoder_weights import WEIGHTS, weight_files
from espnet_ext.model.precision import choose_autocast
from espnet_ext.model.saved_model import DESCRIPTION, ENCODER
from espnet_ext.model.weights import read_weights
from espnet_ext.utils.atomic import atomic_path, remove_temporary
from espnet_ext.utils.batching import batch_seconds, sorted_batches
from espnet_ext.utils.errors import UserError
from espnet_ext.utils.provenance import read_json, reset_if_changed, sha256_of

SHARD_UTTERANCES = 512


class LayerCache:
    """The folder `<dump>/<name>/`: one archive of layers for every 512 utterances, and layers.scp over all of them.

    A training that freezes only the first K blocks also reads their last output at the full frame rate: hidden_K.scp,
    in the same archives. A shard is written completely or not at all, and its batches depend only on its utterances. So
    an interrupted run resumes after its last complete shard, and produces the same bytes.

    Args:
        dump: a dump directory.
        encoder_folder: folder of the pretrained encoder or of a trained model; another encoder empties the cache.
        frame_average: neighboring frames averaged into one in the layers; another count empties the cache.
        autocast: name of the dtype of the encoder's matrix products; another dtype empties the cache. `auto` keeps the
            dtype of the cache, or chooses the device's.
        name: name of the folder below `dump`.
        device: device that computes the layers.
        num_frozen_blocks: blocks whose last output is kept in hidden_<number>.scp; another number empties the cache,
            None keeps the number of the cache.
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
        origin: dict[str, str | int] = {"encoder": encoder_hash(encoder_folder), "audio": sha256_of(dump / "wav.scp")}
        origin |= {"frame_average": frame_average}
        cached = cached_options(self.folder, origin)
        self.autocast = choose_autocast(autocast, device, cached.get("autocast"), str(self.folder))
        self.num_frozen_blocks = cached.get("num_frozen_blocks") if num_frozen_blocks is None else num_frozen_blocks
        options = {"autocast": self.autocast, "num_frozen_blocks": self.num_frozen_blocks}
        # The last scp file is the one that other steps look for.
        self.scps = {} if self.num_frozen_blocks is None else {"hidden": f"hidden_{self.num_frozen_blocks}.scp"}
        self.scps["layers"] = "layers.scp"
        reset_if_changed(self.folder, origin | options)

    def fill(self, encoder: AbsSpeechEncoder, dtype: torch.dtype | None) -> Iterator[float]:
        """Compute what is missing, then write layers.scp and hidden_<number>.scp.

        Args:
            encoder: the encoder, in evaluation mode.
            dtype: dtype of the encoder's matrix products; None = float32.

        Yields:
            seconds of audio that were computed, after every shard.
        """
        remove_temporary(self.folder)
        entries: dict[str, dict[str, str]] = {kind: {} for kind in self.scps}
        for index, utterances in enumerate(batched(self.wav_scp, SHARD_UTTERANCES)):
            shard = {kind: self.folder / f"{kind}.{index}.scp" for kind in self.scps}
            ark = shard["layers"].with_suffix(".ark")
            is_done = all(path.exists() for path in (ark, *shard.values()))
            seconds = 0.0 if is_done else self._write_shard(ark, shard, utterances, encoder, dtype)
            for kind, scp in shard.items():
                entries[kind] |= read_scp(scp)
            yield seconds
        for kind, name in self.scps.items():
            write_scp(self.folder / name, entries[kind])

    def _write_shard(
        self,
        ark: Path,
        scps: Mapping[str, Path],
        utterances: tuple[str, ...],
        encoder: AbsSpeechEncoder,
        dtype: torch.dtype | None,
    ) -> float:
        speech = [read_dumped(self.wav_scp[utterance]) for utterance in utterances]
        lengths = np.array([len(samples) for samples in speech])
        entries: dict[str, dict[str, str]] = {kind: {} for kind in scps}
        device = next(encoder.parameters()).device
        budget = int(batch_seconds(device) * encoder.sampling_rate)
        # Autocast keeps the converted weights until its outermost context ends: here, once per shard.
        casting = torch.autocast(device.type, dtype=dtype, enabled=dtype is not None)
        with atomic_path(ark) as temporary, temporary.open("wb") as stream, casting:
            for batch in sorted_batches(lengths, budget):
                outputs = encode(encoder, [speech[i] for i in batch], self.num_frozen_blocks)
                for position, index in enumerate(batch):
                    for kind in outputs:
                        entries[kind][utterances[index]] = append_layers(stream, ark, outputs[kind][position])
        for kind, scp in scps.items():
            write_scp(scp, entries[kind])
        return int(lengths.sum()) / encoder.sampling_rate


def cached_options(folder: Path, origin: Mapping[str, Any]) -> dict[str, Any]:
    """`autocast` and `num_frozen_blocks` of a cache; empty if it has no shards or another origin."""
    cached = read_json(folder / "provenance.json")
    if not isinstance(cached, dict) or not any(folder.glob("layers.*.scp")):
        return {}
    options = {name: cached.pop(name, None) for name in ("autocast", "num_frozen_blocks")}
    return options if cached == origin else {}


def encoder_hash(folder: Path) -> str:
    """Hash of the weights of a pretrained encoder, or of only the encoder in a trained model."""
    if not (folder / DESCRIPTION).exists():
        return " ".join(sha256_of(path) for path in weight_files(folder))
    digest = hashlib.sha256()
    for name, tensor in sorted(read_weights(folder / WEIGHTS).items()):
        if name.startswith(ENCODER):
            digest.update(save({name: tensor}))
    return digest.hexdigest()


def check_encoder(cache: Path, encoder_folder: Path) -> None:
    """Raise UserError if a cache contains the layers of another encoder than the folder's."""
    origin = read_json(cache / "provenance.json") or {}
    if origin.get("encoder") != encoder_hash(encoder_folder):
        raise UserError(f"{cache}: layers of another encoder than {encoder_folder}: dump the layers of this encoder")


@torch.no_grad()  # in inference mode, autocast does not keep the converted weights
def encode(
    encoder: AbsSpeechEncoder, speech: list[np.ndarray], num_frozen_blocks: int | None = None
) -> dict[str, list[np.ndarray]]:
    """Layers of each utterance of one batch, and the last output of the frozen blocks.

    Args:
        encoder: the encoder, in evaluation mode.
        speech: float32 (samples,) each.
        num_frozen_blocks: see `LayerCache`.

    Returns:
        `layers`: (averaged frames, num_layers, dim) of each utterance, and `hidden`: (frames, dim) of each, unless
        `num_frozen_blocks` is None; float16, without padding.
    """
    device = next(encoder.parameters()).device
    padded = pad_sequence([torch.from_numpy(samples) for samples in speech], batch_first=True).to(device)
    num_samples = torch.tensor([len(samples) for samples in speech], device=device)
    layers, frame_mask = encoder.encode(padded, num_samples)
    averaged, averaged_mask = average_frames(layers, frame_mask, encoder.frame_average)
    outputs = {"layers": _without_padding(torch.stack(averaged, dim=2), averaged_mask)}
    if num_frozen_blocks is not None:
        outputs["hidden"] = _without_padding(layers[num_frozen_blocks - 1], frame_mask)
    return outputs


def _without_padding(frames: torch.Tensor, mask: torch.Tensor) -> list[np.ndarray]:
    """Unpadded frames of each utterance of (batch, frames, ...), float16."""
    rows = frames.half().cpu().numpy()
    return [row[:count] for row, count in zip(rows, mask.sum(dim=1).tolist(), strict=True)]
