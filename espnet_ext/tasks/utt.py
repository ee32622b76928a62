"""UttTask: multi-attribute utterance embeddings as an ESPnet task."""

import argparse
import logging
import multiprocessing
import sys
from collections.abc import Callable
from pathlib import Path

import torch
from espnet2.iterators.abs_iter_factory import AbsIterFactory
from espnet2.iterators.sequence_iter_factory import SequenceIterFactory
from espnet2.samplers.abs_sampler import AbsSampler
from espnet2.tasks.abs_task import AbsTask, IteratorOptions, optim_classes
from espnet2.train.collate_fn import CommonCollateFn
from espnet2.utils.nested_dict_action import NestedDictAction
from espnet2.utils.types import str_or_none

from espnet_ext.config.attributes import AttributeConfig, load_attributes
from espnet_ext.config.training import EncoderConf
from espnet_ext.model.freezing import apply_freezing
from espnet_ext.model.saved_model import WEIGHTS, load_encoder, load_trained_encoder, read_model_weights
from espnet_ext.model.weights import fill_strictly
from espnet_ext.tasks.espnet_model import ESPnetUttModel
from espnet_ext.training.checkpoint import refuse_other_config, resumed_config, settle_autocast
from espnet_ext.training.espnet_patches import register_data_types, register_schedulers
from espnet_ext.training.initialize import fill_queues, fit_whitening
from espnet_ext.training.label_spaces import with_labels
from espnet_ext.training.readers import READERS
from espnet_ext.training.sampler import BalancedLengthSampler, DistributedBatchSampler, SortedSampler
from espnet_ext.training.start import check_frozen_blocks, frozen_parameters
from espnet_ext.training.trainer import UttTrainer
from espnet_ext.training.utterance_table import read_table, with_targets
from espnet_ext.training.workers import SharedCollate
from espnet_ext.utils.errors import UserError

register_schedulers()


class UttTask(AbsTask):
    """Choice tables, data names and builders; run by `espnet_ext.bin.utt_train`."""

    num_optimizers = 2
    trainer = UttTrainer

    @classmethod
    def add_task_arguments(cls, parser: argparse.ArgumentParser) -> None:
        """Add the options of this task to ESPnet's."""
        group = parser.add_argument_group(description="Utterance embeddings")
        group.add_argument("--attributes", type=str, help="YAML file that declares the attributes")
        group.add_argument("--attribute_names", type=str, nargs="+", help="which of them to train")
        for option, text in (
            ("encoder", "folder of the encoder: config.json and model.safetensors"),
            ("init_model", "folder of a trained model to start from"),
            (
                "add_to",
                "folder of a trained model to add the attributes to, instead of --encoder; its weights do not change",
            ),
        ):
            group.add_argument(f"--{option}", type=str_or_none, default=None, help=text)
        for option, text in (
            ("encoder_conf", "freeze_blocks, frame_average, lora_rank ..."),
            ("model_conf", "autocast, nominal_batch ..."),
            ("sampler_conf", "alpha, window, corpus_weights, language_weights"),
        ):
            group.add_argument(f"--{option}", action=NestedDictAction, default={}, help=text)
        group.add_argument("--final_model", type=str, default="valid.loss.best", help="which .pth becomes the model")
        parser.set_defaults(
            iterator_type="task",
            allow_variable_data_keys=True,
            resume=True,
            use_tensorboard=False,
            best_model_criterion=[("valid", "loss", "min")],
        )

    @classmethod
    def check_required_command_args(cls, args: argparse.Namespace) -> None:
        """Check the options against the machine and an earlier run, before anything is built or written."""
        super().check_required_command_args(args)
        if args.ngpu > 1 and not args.multiprocessing_distributed:
            raise UserError("--multiprocessing_distributed false: a launcher's processes have --ngpu 1 each")
        if args.ngpu > (count := torch.cuda.device_count()):
            raise UserError(f"--ngpu {args.ngpu}: this machine shows {count} GPUs (CUDA_VISIBLE_DEVICES?)")
        refuse_other_config(args)
        settle_autocast(args)

    @classmethod
    def main_worker(cls, args: argparse.Namespace) -> None:
        """Train in this process; in a process that ESPnet started, a UserError is one line and exit status 1."""
        try:
            super().main_worker(args)
        except UserError as error:
            if multiprocessing.parent_process() is None:
                raise
            print(f"error: {error}", file=sys.stderr, flush=True)
            sys.exit(1)
        if args.distributed:
            torch.distributed.destroy_process_group()

    @classmethod
    def build_collate_fn(cls, args: argparse.Namespace, train: bool) -> Callable:
        """Pad `speech`, `layers` and `hidden`; targets are vectors, not sequences."""
        not_sequence = [*args.attribute_names, "sentences"]
        return SharedCollate(CommonCollateFn(float_pad_value=0.0, not_sequence=not_sequence))

    @classmethod
    def build_preprocess_fn(cls, args: argparse.Namespace, train: bool) -> None:
        """None: the readers return the inputs of the model."""

    @classmethod
    def required_data_names(cls, train: bool = True, inference: bool = False) -> tuple[str, ...]:
        """None: the names depend on the config."""
        return ()

    @classmethod
    def optional_data_names(cls, train: bool = True, inference: bool = False) -> tuple[str, ...]:
        """The rest depends on the config (`allow_variable_data_keys`)."""
        return ("speech", "layers", "hidden", "sentences")

    @classmethod
    def build_model(cls, args: argparse.Namespace) -> ESPnetUttModel:
        """Build the model and load its weights: the encoder's, then those of `--init_model`."""
        register_data_types(READERS)
        encoder_conf = EncoderConf(**args.encoder_conf)
        if args.add_to is None:
            encoder = load_encoder(Path(args.encoder), encoder_conf.frame_average)
        else:
            encoder = load_trained_encoder(Path(args.add_to))
        model = ESPnetUttModel(encoder, selected_attributes(args), **args.model_conf)
        target_scps = {name: Path(path) for path, name, _ in args.train_data_path_and_name_and_type}
        if args.init_model is not None:
            pretrained = frozen_parameters(encoder, args)
            base = Path(args.init_model)
            fill_strictly(model.inference_modules(), read_model_weights(base), base / WEIGHTS)
            check_frozen_blocks(encoder, pretrained, args)
        # A checkpoint holds its whitening.
        if model.whitening is not None and resumed_config(args) is None:
            path, name, _ = args.train_data_path_and_name_and_type[0]
            fit_whitening(model.whitening, encoder, name, Path(path))
            if args.init_model is not None:
                model.whitening.unfold(model.heads.values())
        apply_freezing(encoder, encoder_conf)
        fill_queues(model, target_scps)
        return model

    @classmethod
    def build_optimizers(cls, args: argparse.Namespace, model: torch.nn.Module) -> list[torch.optim.Optimizer]:
        """Build the optimizer of all modules except the encoder, then the encoder's unless the encoder is frozen."""
        encoder = [parameter for parameter in model.encoder.parameters() if parameter.requires_grad]
        of_heads: list = [*model.heads.parameters(), *model.objectives.parameters()]
        if of_losses := list(model.task_weighting.parameters()):
            of_heads = [{"params": of_heads}, {"params": of_losses, "weight_decay": 0.0}]
        optimizers = [optim_classes[args.optim](of_heads, **args.optim_conf)]
        if encoder:
            optimizers.append(optim_classes[args.optim2](encoder, **args.optim2_conf))
        return optimizers

    @classmethod
    def build_task_iter_factory(
        cls, args: argparse.Namespace, iter_options: IteratorOptions, mode: str
    ) -> AbsIterFactory:
        """Balanced batches for training, sorted ones for validation; each batch is split across the ranks."""
        dataset = cls.build_dataset(args, iter_options)
        sampler = build_sampler(args, iter_options, train=mode == "train")
        logging.info(f"[{mode}] {len(sampler)} batches of at most {iter_options.batch_bins} samples")
        return SequenceIterFactory(
            dataset=dataset,
            batches=sampler,
            seed=args.seed,
            num_workers=args.num_workers,
            collate_fn=iter_options.collate_fn,
            pin_memory=args.ngpu > 0,
        )


def build_sampler(args: argparse.Namespace, iter_options: IteratorOptions, train: bool) -> AbsSampler:
    """Sampler over the utterances of the dump directory of `utt2num_samples`, the shape file."""
    targets = [Path(path) for path, name, _ in iter_options.data_path_and_name_and_type if name in args.attribute_names]
    table = with_targets(read_table(Path(iter_options.shape_files[0]).parent), targets)
    distributed = torch.distributed if iter_options.distributed else None
    ranks = distributed.get_world_size() if distributed else 1
    if train:
        sampler = BalancedLengthSampler(
            table, iter_options.batch_bins, args.num_iters_per_epoch, **args.sampler_conf, ranks=ranks
        )
    else:
        sampler = SortedSampler(table, iter_options.batch_bins, ranks)
    return DistributedBatchSampler(sampler, distributed.get_rank(), ranks) if distributed else sampler


def selected_attributes(args: argparse.Namespace) -> dict[str, AttributeConfig]:
    """Declarations of the attributes that are trained, with their labels; UserError for a name that is not declared."""
    declared = load_attributes(Path(args.attributes))
    if unknown := [name for name in args.attribute_names if name not in declared]:
        raise UserError(f"{args.attributes}: no attribute {unknown[0]!r}; declared: {', '.join(declared)}")
    target_scps = {name: Path(path) for path, name, _ in args.train_data_path_and_name_and_type}
    return {name: with_labels(declared[name], target_scps[name]) for name in args.attribute_names}
