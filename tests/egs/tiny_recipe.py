"""The recipe of tests/egs/tiny in a folder of its own: run it, kill it, look at its outputs."""

import hashlib
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).parents[2]
# What a run promises to be the same whatever happened on the way: everything but logs, states and times.
LASTING = {".ark", ".scp", ".safetensors", ".tsv", ".json", ".md", ".zip"}
KILL_TIMEOUT_S = 300


class TinyRecipe:
    """A copy of the recipe.

    Attributes:
        path: its folder.
        output: what the last run wrote to stdout and stderr.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.output = ""

    @classmethod
    def make(cls, path: Path) -> "TinyRecipe":
        """Lay out a recipe as the README says: its own run.sh, conf and local, the rest links to egs/TEMPLATE."""
        shutil.copytree(ROOT / "tests/egs/tiny", path)
        for name in ("utt.sh", "path.sh", "cmd.sh"):
            (path / name).symlink_to(ROOT / "egs/TEMPLATE" / name)
        return cls(path)

    def run(self, *options: str, status: int = 0, env: dict[str, str] | None = None) -> str:
        """Run to the end and check the exit status; the output, both streams in one."""
        done = subprocess.run(
            [self.path / "run.sh", *options],
            cwd="/",
            env=env,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        self.output = done.stdout
        assert done.returncode == status, done.stdout
        return done.stdout

    def run_until(self, reached: Callable[[], bool]) -> None:
        """Run until `reached` and kill every process at once, as a power cut would."""
        with (self.path / "killed.log").open("w+") as log:
            process = subprocess.Popen(
                [self.path / "run.sh"], stdout=log, stderr=subprocess.STDOUT, start_new_session=True
            )
            deadline = time.monotonic() + KILL_TIMEOUT_S
            try:
                while not reached():
                    log.seek(0)
                    assert process.poll() is None, f"ended before the kill:\n{log.read()}"
                    assert time.monotonic() < deadline, f"not reached:\n{log.read()}"
                    time.sleep(0.002)
            finally:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()

    def steps(self, outcome: str) -> set[str]:
        """Labels of the last run's steps that were `up to date` or `done`."""
        lines = [line.strip().rpartition(": ") for line in self.output.splitlines()]
        return {label for label, _, rest in lines if rest.startswith(outcome)}

    def digests(self) -> dict[str, str]:
        """Relative path -> sha256 of every lasting file."""
        files = [path for name in ("data", "dump", "exp") for path in (self.path / name).rglob("*")]
        return {
            str(path.relative_to(self.path)): hashlib.sha256(path.read_bytes()).hexdigest()
            for path in sorted(files)
            if path.suffix in LASTING and path.is_file()
        }
