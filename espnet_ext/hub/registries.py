"""Download one archive from Debian or PyPI into a folder, through their ordinary clients."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from espnet_ext.errors import UserError

# A few packages exist once per architecture; their hashes are those of amd64, whose data serves everywhere.
_APT_OPTIONS = ("APT::Architecture=amd64", "APT::Architectures=amd64", "APT::Sandbox::User=root")


def download_debian(package: str, version: str, folder: Path) -> Path:
    """Download `package=version` with apt-get into the empty `folder`; nothing is installed.

    Tries the machine's own package lists first, then fresh private ones (no root needed).

    Raises:
        UserError: no apt-get here, or that version is not served.
    """
    if shutil.which("apt-get") is None:
        raise UserError(
            f"apt-get is missing, so Debian's {package} {version} cannot be fetched: run on Debian 12, "
            "or copy the cache folder of a machine that has it (--cache)"
        )
    wanted = f"{package}={version}"
    if _apt_get(folder, "download", wanted).returncode != 0:
        state = _private_state(folder / "state")
        done = _apt_get(folder, *state, "update")
        if done.returncode == 0:
            done = _apt_get(folder, *state, "download", wanted)
        if done.returncode != 0:
            raise UserError(
                f"Debian's {package} {version} cannot be fetched ({_last_line(done)}): check the network; "
                "if this machine's apt sources no longer serve that version (it is of Debian 12), "
                "put the file where the cache expects it"
            )
    return _only_file(folder, ".deb")


def download_pypi(package: str, version: str, folder: Path) -> Path:
    """Download the wheel of `package==version` with pip into the empty `folder`.

    Raises:
        UserError: the wheel is not served, or pip cannot reach it.
    """
    # No cache of pip's own: the file goes to ours.
    options = ["--quiet", "--no-deps", "--only-binary=:all:", "--no-cache-dir", "--dest", str(folder)]
    command = [sys.executable, "-m", "pip", "download", *options, f"{package}=={version}"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        reason = _last_line(done)
        raise UserError(f"PyPI's {package} {version} cannot be fetched ({reason}): check the network")
    return _only_file(folder, ".whl")


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
        (folder / name).mkdir(parents=True)
    settings = (f"Dir::State::Lists={folder}/lists", f"Dir::Cache={folder}/cache", "Acquire::Languages=none")
    return [part for setting in settings for part in ("-o", setting)]


def _last_line(done: subprocess.CompletedProcess[str]) -> str:
    lines = [line.strip() for line in done.stderr.splitlines() if line.strip()]
    errors = [line for line in lines if line.startswith(("E:", "ERROR:"))]
    return (errors or lines or [f"exit status {done.returncode}"])[-1]


def _only_file(folder: Path, suffix: str) -> Path:
    files = sorted(path for path in folder.iterdir() if path.suffix == suffix)
    if len(files) != 1:
        raise UserError(f"the registry's client left {len(files)} {suffix} files instead of one: run again")
    return files[0]
