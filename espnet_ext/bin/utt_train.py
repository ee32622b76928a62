"""Train one phase of one system: `python -m espnet_ext.bin.utt_train --help`."""

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from espnet_ext.bin.entry import run_main
from espnet_ext.utils.errors import UserError
from espnet_ext.utils.strict_yaml import read_yaml

if TYPE_CHECKING:
    from espnet_ext.config.attributes import AttributeConfig


def parse_args() -> tuple[argparse.Namespace, list[str]]:
    """Options of this command, and the remaining words, which are options of ESPnet's task (`--ngpu` ...)."""
    parser = argparse.ArgumentParser(description=__doc__, epilog="All options of ESPnet's trainer are accepted, too.")
    parser.add_argument("--config", type=Path, required=True, help="YAML file of the trainer's options")
    parser.add_argument("--attributes", type=Path, required=True, help="YAML file that declares the attributes")
    parser.add_argument("--train_dump", type=Path, required=True, help="dump directory to train on")
    parser.add_argument("--valid_dump", type=Path, required=True, help="dump directory of the dev loss")
    parser.add_argument("--input", choices=("speech", "layers"), default="speech", help="waveforms or cached layers")
    parser.add_argument("--layers_name", default="layers", help="folder of the layers, below the dump directories")
    parser.add_argument("--attribute_names", nargs="+", required=True, help="attributes to train")
    return parser.parse_known_args()


def data_options(dump: Path, split: str, args: argparse.Namespace) -> list[str]:
    """ESPnet's data options for one dump directory; UserError for a missing file or targets of a wrong dimension."""
    # Imported late, so that --help is fast.
    from espnet_ext.config.attributes import load_attributes
    from espnet_ext.dump.translation_targets import translations_name
    from espnet_ext.model.objective import needs_sentences

    triples = input_files(dump, args)
    declared = load_attributes(args.attributes)
    for name in args.attribute_names:
        averaged = name in declared and declared[name].target.average_translations
        triples.append((dump / f"{translations_name(name) if averaged else f'target_{name}'}.scp", name, "target"))
    shape_file = dump / "utt2num_samples"
    for path in [*(path for path, _, _ in triples), shape_file]:
        if not path.exists():
            hint = "compute the layers first (python -m espnet_ext.bin.dump_layers)"
            if path.parent == dump:
                hint = "run stage 2 first (./run.sh --stage 2 --stop-stage 2)"
            raise UserError(f"{path}: no such file; {hint}")
        # ESPnet splits the triple at commas.
        if "," in str(path):
            raise UserError(f"{path}: ESPnet does not support a comma in a folder name; rename the folder")
    for path, name, _ in triples:
        if name in declared:
            check_dimension(path.with_suffix(".json"), declared[name], args.attributes)
    chosen = [declared[name] for name in args.attribute_names if name in declared]
    if (dump / "utt2sent").exists() and any(map(needs_sentences, chosen)):
        triples.append((dump / "utt2sent", "sentences", "sentence"))
    option = f"--{split}_data_path_and_name_and_type"
    options = [word for triple in triples for word in (option, ",".join(map(str, triple)))]
    return [*options, f"--{split}_shape_file", str(shape_file)]


def input_files(dump: Path, args: argparse.Namespace) -> list[tuple[Path, str, str]]:
    """File, name and data type of the encoder's inputs: waveforms, or cached outputs of its frozen blocks."""
    if args.input == "speech":
        return [(dump / "wav.scp", "speech", "audio_ark")]
    files = [(dump / args.layers_name / "layers.scp", "layers", "layers")]
    # Imported late, so that --help is fast.
    from espnet_ext.config.training import EncoderConf
    from espnet_ext.config.validation import validate

    conf = validate(EncoderConf, read_yaml(args.config).get("encoder_conf", {}), f"{args.config}: encoder_conf")
    num_frozen_blocks = conf.freeze_blocks
    if num_frozen_blocks > 0:
        files.append((dump / args.layers_name / f"hidden_{num_frozen_blocks}.scp", "hidden", "layers"))
    return files


def check_dimension(description: Path, attribute: "AttributeConfig", attributes: Path) -> None:
    """Raise UserError if an attribute's targets and its head have different dimensions."""
    if attribute.target.labels:
        return  # the head's dimension is free
    targets = json.loads(description.read_text(encoding="utf-8"))
    if targets["dim"] != attribute.head.dim:
        raise UserError(
            f"{attributes}: the head of {attribute.name} has dim {attribute.head.dim}, but its targets of teacher "
            f"{targets.get('teacher')} have {targets['dim']} ({description}): change dim, or dump the targets again"
        )


def main() -> None:
    """Train, then write the model's files."""
    args, rest = parse_args()
    # Imported late, so that --help is fast.
    from espnet_ext.config.attributes import load_attributes
    from espnet_ext.training.label_spaces import check_labels

    options = data_options(args.train_dump, "train", args) + data_options(args.valid_dump, "valid", args)
    declared = load_attributes(args.attributes)
    for attribute in (declared[name] for name in args.attribute_names if name in declared):
        file = f"target_{attribute.name}.json"
        check_labels(attribute, args.train_dump / file, args.valid_dump / file)
    # Imported late: importing ESPnet's task takes seconds.
    from espnet2.train.distributed_utils import get_rank
    from torch.multiprocessing import ProcessExitedException

    from espnet_ext.tasks.check import check_config, parse_config
    from espnet_ext.tasks.export import export_model
    from espnet_ext.tasks.utt import UttTask, selected_attributes

    chosen = ["--attributes", str(args.attributes), "--attribute_names", *args.attribute_names]
    task_args = parse_config(args.config, [*rest, *options, *chosen])
    check_config(task_args, selected_attributes(task_args))
    try:
        UttTask.main(args=task_args)
    except ProcessExitedException as error:
        if error.exit_code < 0:
            raise UserError(f"a training process was killed ({error.signal_name}): not enough memory?") from error
        sys.exit(error.exit_code)  # the process printed the reason
    if not task_args.distributed or get_rank(task_args.dist_rank, task_args.dist_launcher) == 0:
        export_model(Path(task_args.output_dir))


if __name__ == "__main__":
    run_main(main)
