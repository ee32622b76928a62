"""Checks of what a training starts from: encoder, trained model, cached layers."""

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from torch import Tensor

from espnet_ext.config.attributes import AttributeConfig, load_attributes
from espnet_ext.model.encoder import AbsSpeechEncoder
from espnet_ext.model.saved_model import read_attributes, read_description
from espnet_ext.training.layer_cache import check_encoder
from espnet_ext.utils.errors import UserError

# Options of a head that have an effect in training only.
TRAINING_ONLY = {"dropout", "identity_init"}


def check_start(args: argparse.Namespace, trained: Mapping[str, AttributeConfig]) -> None:
    """Check the options `encoder`, `init_model` and `add_to` of a run, and whose layers its cached layers are.

    Args:
        args: options of the task.
        trained: attributes of the run.

    Raises:
        UserError: an attribute's name that no module can have, or options that contradict one another, the attributes
            file or the layers.
    """
    for name in trained:
        if hasattr(torch.nn.ModuleDict(), name):
            raise UserError(f"{args.attributes}: {name}: torch modules have an attribute of this name; choose another")
    if args.add_to is not None:
        check_addition(args)
    elif args.encoder is None:
        raise UserError("--encoder: name the folder of the pretrained encoder, or of a trained model by --add_to")
    if args.init_model is not None:
        check_init(Path(args.init_model), trained, args.attributes)
    for path, name, _ in [*args.train_data_path_and_name_and_type, *args.valid_data_path_and_name_and_type]:
        if name == "layers":
            check_encoder(Path(path).parent, Path(args.add_to or args.encoder))


def check_addition(args: argparse.Namespace) -> None:
    """Check that a run can add its attributes to the model of `add_to`.

    Raises:
        UserError: the model has one of them already or declares an existing one differently from the attributes
            file does, or the config would train the model's encoder or change its frame rate.
    """
    base = Path(args.add_to)
    if args.init_model is not None or args.encoder is not None:
        raise UserError(f"--add_to {base} has its own encoder and weights: remove --encoder and --init_model")
    if args.encoder_conf.get("freeze_blocks") != -1:
        raise UserError(f"{args.config}: encoder_conf: --add_to keeps the encoder as it is: set freeze_blocks: -1")
    attributes = read_attributes(base)
    if present := [name for name in args.attribute_names if name in attributes]:
        raise UserError(
            f"{base}: the model has an attribute {present[0]!r} already ({', '.join(attributes)}); choose another name"
        )
    declared = load_attributes(Path(args.attributes))
    for part in ("head", "target"):
        check_alike(base, part, attributes, declared, args.attributes)
    frame_average = read_description(base)["frame_average"]
    if args.encoder_conf.get("frame_average", 1) != frame_average:
        raise UserError(f"{args.config}: encoder_conf: frame_average must be {frame_average}, that of {base}")


def check_init(base: Path, trained: Mapping[str, AttributeConfig], where: str) -> None:
    """UserError when a run cannot start from a model, for its attributes are others or their heads differ.

    Args:
        base: folder of the model.
        trained: attributes of the run.
        where: the attributes file, for messages.
    """
    attributes = read_attributes(base)
    if attributes.keys() != trained.keys():
        raise UserError(
            f"{base}: a model of {', '.join(attributes)} cannot start a training of {', '.join(trained)}; "
            "to train further attributes on it, use --add_to"
        )
    check_alike(base, "head", attributes, trained, where)


def check_frozen_blocks(encoder: AbsSpeechEncoder, pretrained: Sequence[Tensor], args: argparse.Namespace) -> None:
    """Check that the cached outputs that a run reads are those of the blocks that it keeps frozen.

    Args:
        encoder: with the weights of `init_model`.
        pretrained: parameters of the first blocks of the encoder of which the outputs were cached.
        args: options of the task.

    Raises:
        UserError: `init_model` has other weights in these blocks.
    """
    found = frozen_parameters(encoder, args)
    if not all(map(torch.equal, pretrained, found)):
        raise UserError(
            f"{args.init_model}: the blocks that freeze_blocks {args.encoder_conf['freeze_blocks']} freezes are not "
            f"those of {args.encoder}, whose outputs are cached; train from waveforms (--input speech)"
        )


def frozen_parameters(encoder: AbsSpeechEncoder, args: argparse.Namespace) -> list[Tensor]:
    """Copies of the parameters of the blocks whose outputs a run reads from a cache; none without `hidden`."""
    if all(name != "hidden" for _, name, _ in args.train_data_path_and_name_and_type):
        return []
    blocks = encoder.blocks()[: args.encoder_conf["freeze_blocks"]]
    return [parameter.detach().clone() for block in blocks for parameter in block.parameters()]


def check_alike(
    base: Path,
    part: str,
    attributes: Mapping[str, AttributeConfig],
    declared: Mapping[str, AttributeConfig],
    where: str,
) -> None:
    """UserError with the first difference in one part, `head` or `target`, of attributes that both have.

    Args:
        base: folder of the model.
        part: of the declaration.
        attributes: the model's.
        declared: the file's.
        where: the file.
    """
    for name in [name for name in attributes if name in declared]:
        ours, theirs = (getattr(of[name], part) for of in (declared, attributes))
        for key in type(ours).model_fields:
            our_value, their_value = getattr(ours, key), getattr(theirs, key)
            if key not in TRAINING_ONLY and our_value != their_value:
                raise UserError(
                    f"{where}: {name}.{part}: {key} is {our_value!r}, but {their_value!r} in the model {base}: "
                    "declare the same value, or train the model again"
                )
