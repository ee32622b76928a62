"""Code blocks of the pages in docs/, and a copy of the repository in which they are executed."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]


class Block(NamedTuple):
    """A fenced block of a Markdown page; `title` is a file name or empty."""

    language: str
    title: str
    code: str


def read_blocks(page: Path) -> list[Block]:
    """Read the fenced blocks of a page that have a language, in order."""
    pattern = r'^```(\w+)(?: title="([^"]*)")?\n(.*?)^```$'
    return [Block(*found) for found in re.findall(pattern, page.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)]


class Checkout:
    """A copy of the code of this repository, changed and executed as a guide describes."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for name in ("espnet_ext", "egs"):
            ignored = shutil.ignore_patterns("__pycache__", "data", "dump*", "exp*")
            shutil.copytree(ROOT / name, folder / name, symlinks=True, ignore=ignored)
        (folder / "tools").symlink_to(ROOT / "tools")

    def follow(self, block: Block) -> str:
        """Write a titled file, apply a diff, or execute a block, and return its output."""
        if block.language == "diff":
            self._apply(block)
        elif block.title:
            (self.folder / block.title).write_text(block.code, encoding="utf-8")
        elif block.language == "python":
            return self._run(sys.executable, "-c", block.code)
        elif block.language == "bash":
            return self._run("bash", "-euo", "pipefail", "-c", block.code)
        return ""

    def _apply(self, block: Block) -> None:
        """Replace the old lines of a diff without line numbers; they occur once in the file."""
        path, lines = self.folder / block.title, block.code.splitlines(keepends=True)
        old = "".join(line[1:] for line in lines if line[0] in " -")
        new = "".join(line[1:] for line in lines if line[0] in " +")
        text = path.read_text(encoding="utf-8")
        assert text.count(old) == 1, f"{path}: {text.count(old)} times:\n{old}"
        path.write_text(text.replace(old, new), encoding="utf-8")

    def _run(self, *command: str) -> str:
        environment = os.environ | {"PYTHONPATH": f"{self.folder}{os.pathsep}{self.folder / 'egs/TEMPLATE'}"}
        done = subprocess.run(command, cwd=self.folder, env=environment, text=True, capture_output=True, check=False)
        assert done.returncode == 0, f"{command[-1]}\n{done.stdout}\n{done.stderr}"
        return done.stdout
