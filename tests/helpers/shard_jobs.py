"""Jobs for the tests of executors, in a module that workers can import."""

import os
import signal
import time
from pathlib import Path
from typing import NamedTuple

from espnet_ext.utils.atomic import atomic_path
from espnet_ext.utils.errors import UserError


class Job(NamedTuple):
    """A shard to write.

    Attributes:
        dies: the worker is killed `half way` through the shard or `when done`, the first time, or `always`; `with all`
            its process group is killed half way, the first time.
    """

    number: int
    folder: Path
    dies: str = ""

    @property
    def output(self) -> Path:
        return self.folder / f"{self.number}.shard"


def write_shard(job: Job) -> tuple[int, str]:
    """Write the shard unless it is there, with a line in the log for each start and each shard written."""
    _log(job, "start")
    if job.output.exists():
        return job.number, os.getcwd()
    with atomic_path(job.output) as temporary:
        temporary.write_text("half a sh")
        _die(job, "half way")
        _die(job, "with all")
        temporary.write_text(f"shard {job.number}")
    _log(job, "wrote")
    _die(job, "when done")
    return job.number, os.getcwd()


def refuse(job: Job) -> None:
    raise UserError(f"shard {job.number} is broken")


def time_out(_job: int) -> None:
    raise TimeoutError("of the job")


def wait_for_another(file: Path) -> str:
    """The GPUs that this process sees, once two jobs have started."""
    file.touch()
    while len(list(file.parent.iterdir())) < 2:
        time.sleep(0.01)
    return os.environ["CUDA_VISIBLE_DEVICES"]


def wait_for_ever(_file: Path) -> None:
    """Print a line and do not return."""
    os.write(1, b"begun\n")
    signal.pause()


def _die(job: Job, when: str) -> None:
    died = job.folder / f"{job.number}.died"
    if job.dies == "always" or (job.dies == when and not died.exists()):
        died.touch()
        if when == "with all":
            os.killpg(0, signal.SIGKILL)
        os.kill(os.getpid(), signal.SIGKILL)


def _log(job: Job, event: str) -> None:
    with open(job.folder / "log", "a") as log:
        log.write(f"{event} {job.number}\n")
