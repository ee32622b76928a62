"""The options of commands whose work is cut into shards: where, and in how many processes."""

import argparse

from espnet_ext.data.executor import Executor


def add_executor_options(parser: argparse.ArgumentParser, nj: int) -> None:
    """Add `--executor` and `--nj`, of which `nj` is the default."""
    parser.add_argument(
        "--executor",
        default="local",
        help="local = processes of this machine; slurm = workers that Slurm starts, as set in dask's `jobqueue.slurm`; "
        "or the address (tcp://host:port) or scheduler file of a running Dask cluster",
    )
    parser.add_argument("--nj", type=int, default=nj, help="processes, or Slurm workers; the result is the same")


def executor_from(args: argparse.Namespace, num_gpus: int = 0) -> Executor:
    """The executor that the options ask for; UserError where they make no sense.

    Args:
        num_gpus: of this machine: local processes are one for each, where there are any.
    """
    local_gpus = num_gpus if args.executor == "local" else 0
    return Executor(args.executor, local_gpus or args.nj, local_gpus)
