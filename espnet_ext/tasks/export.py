"""Export of a finished training: model files of the selected epoch, learned layer weights, curves."""

import argparse
import csv
import re
from collections.abc import Collection, Iterator
from pathlib import Path

import torch
import yaml
from espnet2.train.reporter import Reporter

from espnet_ext.config.attributes import AttributeConfig
from espnet_ext.model.freezing import merge_lora
from espnet_ext.model.saved_model import (
    ENCODER,
    describe_model,
    load_model,
    read_description,
    read_encoder_config,
    read_model_weights,
    save_model,
    write_model,
)
from espnet_ext.model.utt_model import UttModel
from espnet_ext.tasks.utt import UttTask, selected_attributes
from espnet_ext.training.checkpoint import CHECKPOINT, load_newest_readable
from espnet_ext.utils.atomic import atomic_path, remove_temporary, write_json_atomic
from espnet_ext.utils.errors import UserError

COLUMNS = ("phase", "epoch", "split", "key", "value")
# Statistics that are written for every model; `loss_scale` is the gradient scaler's.
CURVES = re.compile(r"(loss|grad_norm|(loss|weight|gradnorm|gradcos)_(?!scale$).+)")


def export_model(output_dir: Path) -> None:
    """Write model.json, model.safetensors, layer_weights.json and curves.tsv into a finished phase's folder."""
    remove_temporary(output_dir)
    with (output_dir / "config.yaml").open(encoding="utf-8") as stream:
        args = argparse.Namespace(**yaml.safe_load(stream))
    chosen = output_dir / f"{args.final_model}.pth"
    if not chosen.exists():
        raise UserError(
            f"{chosen}: training wrote no such model; final_model may be valid.loss.best or latest. "
            f"If the file was deleted, delete {output_dir} and train again"
        )
    model = UttTask.build_model(args)
    model.load_state_dict(torch.load(chosen, map_location="cpu", weights_only=True))
    if args.encoder_conf.get("lora_rank"):
        merge_lora(model.encoder)
    model.fold_whitening()
    attributes, metrics = selected_attributes(args), model.metrics()
    if args.add_to is None:
        save_model(output_dir, model, read_encoder_config(Path(args.encoder)), attributes)
    else:
        save_addition(output_dir, Path(args.add_to), model, attributes)
        model = load_model(output_dir)
    write_json_atomic(output_dir / "layer_weights.json", model.layer_weights())
    reporter = Reporter()
    reporter.load_state_dict(load_newest_readable(output_dir / CHECKPOINT, "cpu")["reporter"])
    with atomic_path(output_dir / "curves.tsv") as temporary, temporary.open("w", newline="") as stream:
        rows = csv.writer(stream, delimiter="\t", lineterminator="\n")
        rows.writerow(COLUMNS)
        rows.writerows(curve_rows(reporter, output_dir.name, metrics.values()))


def save_addition(folder: Path, base: Path, model: UttModel, attributes: dict[str, AttributeConfig]) -> None:
    """Write a model with the attributes of a trained model, their weights unchanged, and the new attributes.

    Args:
        folder: where to write.
        base: folder of the trained model.
        model: the trained model's encoder, and the new attributes' heads and objectives.
        attributes: declarations of the new attributes.

    Raises:
        UserError: the heads were trained on another encoder.
    """
    weights, trained = read_model_weights(base), model.state_dict()
    if any(not torch.equal(trained[name], tensor) for name, tensor in weights.items() if name.startswith(ENCODER)):
        raise UserError(f"{folder}: was trained on another encoder than {base}: delete it and train again")
    description = read_description(base)
    description["attributes"] |= describe_model(model, description["encoder"], attributes)["attributes"]
    added = {name: tensor for name, tensor in trained.items() if name.startswith(("heads.", "objectives."))}
    write_model(folder, description, weights | added)


def curve_rows(reporter: Reporter, phase: str, metrics: Collection[str]) -> Iterator[tuple[str, int, str, str, float]]:
    """Losses, gradient statistics and `metrics` of every epoch of a phase, in the order of COLUMNS."""
    for epoch, splits in reporter.stats.items():
        for split, statistics in splits.items():
            for key, value in statistics.items():
                if key in metrics or CURVES.fullmatch(key):
                    yield phase, epoch, split, key, float(value)
