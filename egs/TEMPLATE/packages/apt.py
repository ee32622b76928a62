"""Download Debian packages with apt-get, in whatever version this machine's apt sources offer."""

import os
import shutil
import subprocess
from collections.abc import Collection, Sequence
from pathlib import Path

from espnet_ext.utils.errors import UserError


def download_with_apt(names: Collection[str], folder: Path, state: Path) -> tuple[dict[str, Path], dict[str, str]]:
    """Download packages into the empty `folder`; nothing is installed and no root is needed.

    Reads the machine's own package lists, then private ones in `state`, which are made or updated when packages are
    still missing.

    Returns:
        Name -> file, and name -> reason for each package that cannot be fetched.

    Raises:
        UserError: apt-get is missing.
    """
    if shutil.which("apt-get") is None:
        raise UserError("apt-get is missing")
    private = _private_state(state)
    files: dict[str, Path] = {}
    problem = None
    for attempt, (options, update) in enumerate((([], False), (private, False), (private, True))):
        if update:
            problem = _problem(_run(folder, "apt-get", *options, "update"))
        missing = [name for name in names if name not in files]
        if offered := _offered(folder, options, missing):
            target = folder / str(attempt)
            target.mkdir()
            problem = _problem(_run(target, "apt-get", *options, "download", *offered))
            files |= {name: path for name in offered for path in target.glob(f"{name}_*.deb")}
        if len(files) == len(names):
            break
    reason = problem or "not in the package lists of this machine's apt sources"
    return files, {name: reason for name in names if name not in files}


def _offered(folder: Path, options: Sequence[str], names: Sequence[str]) -> list[str]:
    """The packages that the lists contain; apt-get downloads nothing if one name is not in the lists."""
    output = _run(folder, "apt-cache", *options, "show", "--no-all-versions", *names).stdout
    # An installed package that is in no list also has a stanza, but without a file name.
    stanzas = [stanza for stanza in output.split("\n\n") if "\nFilename: " in stanza]
    listed = {stanza.strip().split("\n")[0].removeprefix("Package: ") for stanza in stanzas}
    return [name for name in names if name in listed]


def _run(folder: Path, program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [program, "-q", "-o", "APT::Sandbox::User=root", *arguments],
        cwd=folder,
        env={**os.environ, "LC_ALL": "C"},  # error messages quote its output
        capture_output=True,
        text=True,
        check=False,
    )


def _private_state(folder: Path) -> list[str]:
    """Options of apt-get that keep package lists and caches in `folder`, away from the system's."""
    for name in ("lists/partial", "cache/archives/partial"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    settings = (f"Dir::State::Lists={folder}/lists", f"Dir::Cache={folder}/cache", "Acquire::Languages=none")
    return [part for setting in settings for part in ("-o", setting)]


def _problem(done: subprocess.CompletedProcess[str]) -> str | None:
    """The last error of a failed command."""
    if done.returncode == 0:
        return None
    lines = [line.strip() for line in done.stderr.splitlines() if line.strip()]
    errors = [line for line in lines if line.startswith("E:")]
    return (errors or lines or [f"apt-get ended with status {done.returncode}"])[-1]
