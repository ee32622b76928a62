"""What a further attribute costs: training steps and extraction without it and with it, side by side.

Same data, same process, in turns: steps of phase 1 (heads, on cached layers) and of phase 2 (encoder and heads, from
waveforms) by the recipe's own configs, and the extraction of a set. Run it after stages 1 to 3 of egs/mini_prompts and
stage 2 with the second attributes file:

    cd egs/mini_prompts && ../../tools/venv/bin/python ../../benchmarks/attribute_cost.py
"""

import argparse
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
import yaml
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from espnet_ext.config.attributes import load_attributes
from espnet_ext.config.training import EncoderConf
from espnet_ext.data.audio import read_dumped
from espnet_ext.data.data_dir import read_scp
from espnet_ext.hub.cache import default_cache
from espnet_ext.hub.encoders import encoder_folder
from espnet_ext.hub.inference import UttEncoder
from espnet_ext.hub.model_files import load_encoder
from espnet_ext.train.bank import fill_banks
from espnet_ext.train.label_spaces import with_labels
from espnet_ext.train.readers import AudioReader, LayersReader, TargetReader
from espnet_ext.train.sampler import BalancedLengthSampler
from espnet_ext.train.utterance_table import read_table
from espnet_ext.utt.espnet_model import ESPnetUttModel
from espnet_ext.utt.freeze import choose_trained


def build_model(attributes: Path, dump: Path, conf: EncoderConf, autocast: str) -> ESPnetUttModel:
    """A new model of the attributes of a file, with the classes and the bank of a training set."""
    torch.manual_seed(0)
    scps = {name: dump / f"target_{name}.scp" for name in load_attributes(attributes)}
    declared = {name: with_labels(attribute, scps[name]) for name, attribute in load_attributes(attributes).items()}
    encoder = load_encoder(encoder_folder("whisper-base", default_cache()), conf.frame_average)
    model = ESPnetUttModel(encoder, declared, autocast)
    choose_trained(encoder, conf)
    fill_banks(model, scps)
    return model


class Training:
    """Steps of one phase.

    Args:
        attributes: attributes file.
        dump: training set.
        config: training config of the phase.
    """

    def __init__(self, attributes: Path, dump: Path, config: dict) -> None:
        conf = EncoderConf(**config["encoder_conf"])
        self.model = build_model(attributes, dump, conf, config["model_conf"]["autocast"]).train()
        self.name, reader, scp = "speech", AudioReader, dump / "wav.scp"
        if conf.freeze_blocks == -1:
            self.name, reader, scp = "layers", LayersReader, dump / "layers" / "layers.scp"
        self.input = reader(str(scp))
        self.targets = {name: TargetReader(str(dump / f"target_{name}.scp")) for name in self.model.heads}
        self.trained = [parameter for parameter in self.model.parameters() if parameter.requires_grad]
        self.optimizer = torch.optim.AdamW(self.trained, lr=1e-5)

    def load(self, batch: tuple[str, ...]) -> dict[str, Tensor]:
        """One padded batch, with targets."""
        inputs = [torch.from_numpy(self.input[utterance]) for utterance in batch]
        lengths = torch.tensor([len(frames) for frames in inputs])
        targets = {
            name: torch.from_numpy(np.stack([reader[utterance] for utterance in batch]))
            for name, reader in self.targets.items()
        }
        return targets | {self.name: pad_sequence(inputs, batch_first=True), f"{self.name}_lengths": lengths}

    def step(self, batch: tuple[str, ...]) -> None:
        """Read a batch and train on it."""
        loss, _, _ = self.model(**self.load(batch))
        self.optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.trained, 1.0)
        self.optimizer.step()


def median_seconds(runs: dict[Path, Callable[[int], object]], rounds: int) -> dict[Path, float]:
    """Median time (s) of each, in turns; one round before is not counted."""
    seconds: dict[Path, list[float]] = {name: [] for name in runs}
    for index in range(rounds + 1):
        for name, run in runs.items():
            started = time.perf_counter()
            run(index)
            seconds[name].append(time.perf_counter() - started)
    return {name: float(np.median(found[1:])) for name, found in seconds.items()}


def training_seconds(files: list[Path], dump: Path, config_file: Path, rounds: int) -> dict[Path, float]:
    """Time (s) of all steps of a phase with each attributes file, from `rounds` of its batches."""
    config = yaml.safe_load(config_file.read_text(encoding="utf-8"))
    sampler = BalancedLengthSampler(read_table(dump), config["batch_bins"], rounds + 1, **config["sampler_conf"])
    batches = sampler.generate(1)
    loops = {file: Training(file, dump, config) for file in files}
    steps = config["max_epoch"] * config["num_iters_per_epoch"]
    runs = {file: lambda index, loop=loop: loop.step(batches[index]) for file, loop in loops.items()}
    return {file: steps * step_s for file, step_s in median_seconds(runs, rounds).items()}


def extraction_seconds(files: list[Path], dump: Path, evaluated: Path, rounds: int) -> dict[Path, float]:
    """Time (s) of extracting a set, in float32."""
    conf = EncoderConf(frame_average=2)
    encoders = {file: UttEncoder(build_model(file, dump, conf, "float32").eval()) for file in files}
    audio = [read_dumped(entry) for entry in read_scp(evaluated / "wav.scp").values()]
    runs = {file: lambda index, encoder=encoder: encoder.encode(audio) for file, encoder in encoders.items()}
    return median_seconds(runs, rounds)


def main() -> None:
    """Alternate the two and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dump", type=Path, default=Path("dump/train"))
    parser.add_argument("--evaluated", type=Path, default=Path("dump/test_sent"))
    parser.add_argument("--without", type=Path, default=Path("conf/attributes.yaml"))
    parser.add_argument("--with", dest="with_it", type=Path, default=Path("conf/attributes_lang.yaml"))
    parser.add_argument("--heads", type=Path, default=Path("conf/train_heads.yaml"))
    parser.add_argument("--finetune", type=Path, default=Path("conf/train_finetune.yaml"))
    args = parser.parse_args()
    files = [args.without, args.with_it]
    seconds = {
        "phase 1, heads on cached layers": training_seconds(files, args.dump, args.heads, 60),
        "phase 2, encoder and heads": training_seconds(files, args.dump, args.finetune, 15),
    }
    seconds["training"] = {file: sum(phase[file] for phase in seconds.values()) for file in files}
    seconds["extraction"] = extraction_seconds(files, args.dump, args.evaluated, 3)
    print(f"| what | {args.without.name} | {args.with_it.name} | the further attribute costs |\n|---|---|---|---|")
    for what, times in seconds.items():
        before_s, after_s = (times[file] for file in files)
        print(f"| {what} | {before_s:.1f} s | {after_s:.1f} s | {100 * (after_s / before_s - 1):.1f} % |")
    print(f"\n{torch.get_num_threads()} threads, torch {torch.__version__}")


if __name__ == "__main__":
    main()
