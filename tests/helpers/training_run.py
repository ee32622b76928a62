"""A training small enough for tests: noise with targets, and the training command on it."""

import json
import os
import socket
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import kaldiio
import numpy as np
import pytest
import yaml

from espnet_ext.bin import utt_train
from espnet_ext.kaldi.archives import append_to_ark
from espnet_ext.kaldi.scp import read_scp, write_scp

DIMS = {"sem": 8, "spk": 6}
CONFIG = {
    "max_epoch": 3,
    "num_iters_per_epoch": 4,
    "batch_bins": 40_000,
    "valid_batch_bins": 40_000,
    "encoder_conf": {"freeze_blocks": 1, "frame_average": 2},
    "model_conf": {"gradient_interval": 2},
    "sampler_conf": {"alpha": 0.5, "window": 16},
    "optim": "adamw",
    "optim_conf": {"lr": 0.01},
    "optim2": "sgd",
    "optim2_conf": {"lr": 0.01, "momentum": 0.9},
    "scheduler": "warmuplr",
    "scheduler_conf": {"warmup_steps": 5},
    "grad_clip": 1.0,
    "num_workers": 0,
    "keep_nbest_models": 1,
    "best_model_criterion": [["valid", "loss", "min"]],
    "use_tensorboard": False,
    "use_matplotlib": False,
    "seed": 1,
}
RESULTS = ("model.safetensors", "model.json", "layer_weights.json", "curves.tsv")

Train = Callable[..., Path]


def make_dump(folder: Path, num_utterances: int, seed: int, prefix: str = "u") -> None:
    """Noise with targets, every tenth of which is missing."""
    random = np.random.default_rng(seed)
    folder.mkdir()
    names = [f"{prefix}{index:02}" for index in range(num_utterances)]
    speech = {name: random.normal(0, 0.1, random.integers(3000, 16_000)) for name in names}
    with (folder / "a.ark").open("wb") as stream:
        write_scp(folder / "wav.scp", {n: f"{folder}/a.ark:{append_to_ark(stream, n, speech[n])}" for n in names})
    write_scp(folder / "utt2num_samples", {name: len(samples) for name, samples in speech.items()})
    write_scp(folder / "utt2lang", {name: ("eng", "fra")[index % 2] for index, name in enumerate(names)})
    write_scp(folder / "utt2spk", dict.fromkeys(names, "somebody"))
    for attribute, dim in DIMS.items():
        vectors = {name: vector for name, vector in zip(names, random.normal(size=(len(names), dim)), strict=True)}
        vectors = {n: (v / np.linalg.norm(v)).astype(np.float32) for n, v in vectors.items() if not n.endswith("5")}
        kaldiio.save_ark(f"{folder}/{attribute}.ark", vectors, scp=f"{folder}/{attribute}.scp")
        entries = dict.fromkeys(names, "None") | read_scp(folder / f"{attribute}.scp")
        write_scp(folder / f"target_{attribute}.scp", entries)
        (folder / f"target_{attribute}.json").write_text(json.dumps({"dim": dim}))


def words_of(work: Path, config: Path, out: Path, changes: dict) -> list[str]:
    """Words of the training command; writes its config, in float32 on every machine unless `changes` sets another."""
    options = CONFIG | changes
    options["model_conf"] = {"autocast": "float32"} | options["model_conf"]
    config.write_text(yaml.safe_dump(options))
    return [
        *("--config", str(config), "--output_dir", str(out)),
        *("--train_dump", str(work / "train"), "--valid_dump", str(work / "dev")),
        *("--attributes", str(work / "attributes.yaml"), "--encoder", str(work / "encoder")),
        *("--ngpu", "0", "--attribute_names", "sem", "spk"),
    ]


def trainer(work: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Train:
    """Run the training command in this process; returns its output folder."""

    def run(out: Path = folder / "out", *words: str, **changes: object) -> Path:
        monkeypatch.setattr("sys.argv", ["utt_train", *words_of(work, folder / "train.yaml", out, changes), *words])
        utt_train.main()
        return out

    return run


def start_ranks(count: int, words: Sequence[str], folder: Path) -> list[subprocess.Popen]:
    """Start the training command in processes that train together, as torchrun or srun would, on the CPU."""
    with socket.socket() as free:
        free.bind(("localhost", 0))
        port = free.getsockname()[1]
    shared = {"WORLD_SIZE": str(count), "MASTER_ADDR": "localhost", "MASTER_PORT": str(port), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "espnet_ext.bin.utt_train", *words]
    command += ["--dist_backend", "gloo", "--multiprocessing_distributed", "false"]
    processes = []
    for rank in range(count):
        with (folder / f"rank{rank}.log").open("wb") as log:
            environment = os.environ | shared | {"RANK": str(rank)}
            processes.append(subprocess.Popen(command, env=environment, stdout=log, stderr=log))
    return processes
