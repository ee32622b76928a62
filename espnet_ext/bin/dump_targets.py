"""Write the targets of one attribute for a dump directory, from its teacher (resumable) or from labels."""

import argparse
from pathlib import Path

from espnet_ext.bin.entry import run_main
from espnet_ext.dump.executor import Executor
from espnet_ext.utils.errors import UserError


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--attributes", type=Path, required=True, help="the recipe's attributes.yaml")
    parser.add_argument("--attribute", required=True, help="one of its attributes")
    parser.add_argument("--dump_dir", type=Path, required=True, help="dump/<set>")
    parser.add_argument("--text_lang", help="embed the translations text.<text_lang> into a separate target file")
    parser.add_argument(
        "--teacher_dir",
        type=Path,
        help="offline weights: the folder of a model, or a folder with one folder for each model",
    )
    parser.add_argument(
        "--classes", type=Path, help="classes_<attribute>.json of the training set; omit it for the training set"
    )
    parser.add_argument("--device", help="for instance cpu or cuda:1; default: all GPUs, with one process for each")
    Executor.add_options(parser, nj=1)
    options = parser.parse_args()
    executor = Executor.from_options(options)
    # Imported late: see the package's docstring.
    from espnet_ext.config.attributes import load_attributes

    attributes = load_attributes(options.attributes)
    if options.attribute not in attributes:
        legal = ", ".join(attributes)
        raise UserError(f"{options.attributes}: no attribute {options.attribute!r}; it has: {legal}")
    attribute = attributes[options.attribute]
    if attribute.target.labels is not None:
        from espnet_ext.dump.label_targets import dump_labels

        dump_labels(options.dump_dir, attribute.name, attribute.target, options.classes)
        return
    from espnet_ext.dump.targets import dump_targets
    from espnet_ext.teachers import Runtime

    dump_targets(
        options.dump_dir,
        attribute.name,
        attribute.target,
        executor,
        runtime=Runtime(options.device, options.teacher_dir and options.teacher_dir.absolute()),
        head_dim=attribute.head.dim,
        text_lang=options.text_lang,
    )


if __name__ == "__main__":
    run_main(main)
