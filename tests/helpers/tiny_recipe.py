"""The recipe of tests/egs/tiny in a separate folder, for tests that run it, kill it and inspect its outputs."""

import hashlib
import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Self

from safetensors.torch import save_file

from helpers.tiny_encoders import CONFIGS, tiny_encoder

ROOT = Path(__file__).parents[2]
TEMPLATE = ("utt.sh", "path.sh", "cmd.sh")
# Files that must not depend on interruptions: all except logs, states and times.
LASTING = {".ark", ".scp", ".safetensors", ".tsv", ".json", ".md", ".zip"}
OF_THE_FOLDER = {".steps", "provenance.json"}  # fingerprints of files that contain the folder's name
# In turn: a pattern whose first file triggers the kill, and a file that must not exist yet.
KILL_POINTS = (
    ("data/.steps/prepare.json", "data/test_spk/wav.scp"),
    ("dump/train/audio/*", "dump/train/wav.scp"),
    ("dump/train/.tmp-*target_spk*", "dump/train/target_spk.scp"),
    ("dump/train/layers/.tmp-*", "dump/train/layers/layers.scp"),
    ("exp/utt_sem+spk/finetune/checkpoint.pth", "exp/utt_sem+spk/finetune/model.safetensors"),
    ("exp/utt_sem+spk/finetune/embeddings/test_sent/*", "exp/utt_sem+spk/finetune/embeddings/test_spk/spk.scp"),
    ("exp/utt_sem+spk/.steps/results.json", "exp/utt_sem+spk/results/results.tsv"),
)
KILL_TIMEOUT_S = 1800
# The environment before any test: runs are concurrent with tests that change theirs.
ENVIRONMENT = dict(os.environ)


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
    def make(cls, path: Path, source: Path = ROOT / "tests/egs/tiny") -> Self:
        """Copy run.sh, conf/ and local/ of a recipe, and link the rest to egs/TEMPLATE."""
        ignored = shutil.ignore_patterns("data", "dump", "exp", "*_quick", "db.sh", *TEMPLATE)
        shutil.copytree(source, path, ignore=ignored)
        for name in TEMPLATE:
            (path / name).symlink_to(ROOT / "egs/TEMPLATE" / name)
        return cls(path)

    @classmethod
    def make_in_tree(cls, root: Path, name: str, conf: str, encoder: str) -> Self:
        """Make `root/{tools,egs/<name>,encoder}`: a recipe of this repository as it lies there, and an encoder.

        Args:
            conf: folder of tests/egs whose conf/ holds tiny configs for it.
            encoder: one of `tiny_encoders.CONFIGS`.
        """
        recipe = cls.make(root / "egs" / name, ROOT / "egs" / name)
        (root / "tools").symlink_to(ROOT / "tools")
        shutil.copytree(ROOT / "tests/egs" / conf / "conf", recipe.path / "conf", dirs_exist_ok=True)
        (root / "encoder").mkdir()
        (root / "encoder/config.json").write_text(json.dumps(CONFIGS[encoder]))
        save_file(tiny_encoder(encoder).encoder.state_dict(), root / "encoder/model.safetensors")
        return recipe

    def run(self, *options: str, status: int = 0, env: dict[str, str] | None = None) -> str:
        """Run to the end and check the exit status; the output, both streams in one."""
        done = subprocess.run(
            [self.path / "run.sh", *options],
            cwd="/",
            env=ENVIRONMENT if env is None else env,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        self.output = done.stdout
        assert done.returncode == status, done.stdout
        return done.stdout

    def run_with_kills(self) -> None:
        """Run, kill the run at each of KILL_POINTS, and run to the end."""
        for trigger, unfinished in KILL_POINTS:
            self._run_until(lambda pattern=trigger: any(self.path.glob(pattern)))
            assert not (self.path / unfinished).exists(), f"killed too late for {trigger}"
        self.run()

    def _run_until(self, reached: Callable[[], bool]) -> None:
        """Run until `reached` and kill every process at once, as a power cut would."""
        with (self.path / "killed.log").open("w+") as log:
            process = subprocess.Popen(
                [self.path / "run.sh"],
                cwd="/",
                env=ENVIRONMENT,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
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
        """Relative path -> sha256 of every lasting file, in which this folder's name is replaced."""
        files = [path for name in ("data", "dump", "exp") for path in (self.path / name).rglob("*")]
        return {
            str(path.relative_to(self.path)): hashlib.sha256(
                path.read_bytes().replace(str(self.path).encode(), b"HERE")
            ).hexdigest()
            for path in sorted(files)
            if path.suffix in LASTING and path.is_file() and not OF_THE_FOLDER & set(path.parts)
        }
