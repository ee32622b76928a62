"""A third attribute for a trained model: dumps with its targets, and the training command that adds it."""

import shutil
from pathlib import Path

import pytest
import yaml

from espnet_ext.bin import dump_layers
from helpers.training_run import Train, trainer

FROZEN = {"encoder_conf": {"freeze_blocks": -1, "frame_average": 2}, "max_epoch": 2}
ATTRIBUTE = {
    "target": {"teacher": "resemblyzer", "from": "speech"},
    "head": {"hidden_dim": 8, "dim": 6, "pooling": "attentive_statistics"},
    "objective": {"name": "cosine"},
}


def write_accents(work: Path, folder: Path, attributes_block: dict) -> None:
    """Copy dumps; the targets of the new attribute are those of the speaker attribute."""
    attributes = {"attributes": attributes_block | {"accent": ATTRIBUTE}}
    (folder / "attributes.yaml").write_text(yaml.safe_dump(attributes, sort_keys=False))
    for name in ("train", "dev"):
        dump = Path(shutil.copytree(work / name, folder / name))
        for suffix in ("scp", "json"):
            shutil.copy(dump / f"target_spk.{suffix}", dump / f"target_accent.{suffix}")


def write_layers(folder: Path, encoder: Path, model: Path) -> None:
    """Layers of the pretrained encoder, and of a trained model's in `layers of it`."""
    sources = {
        "--encoder": [str(encoder), "--frame_average", "2"],
        "--model": [str(model), "--layers_name", "layers of it"],
    }
    for name in ("train", "dev"):
        for source, words in sources.items():
            options = ["--dump_dir", str(folder / name), "--device", "cpu", "--autocast", "float32", source, *words]
            with pytest.MonkeyPatch.context() as monkeypatch:
                monkeypatch.setattr("sys.argv", ["dump_layers", *options])
                dump_layers.main()


def adding(place: Path, base: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Train:
    """Run the training command that adds `accent` to a model."""
    run = trainer(place, folder, monkeypatch)

    def add(*words: str, out: Path = folder / "out", **changes: object) -> Path:
        options = ["--encoder", "none", "--add_to", str(base), "--attribute_names", "accent", *words]
        return run(out, *options, **FROZEN | changes)

    return add
