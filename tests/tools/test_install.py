"""tools/install.sh chooses its installer and its build of torch. A stub replaces Python, so nothing is installed."""

import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
HAS_DRIVER = Path("/proc/driver/nvidia/version").exists() or shutil.which("nvidia-smi") is not None
# Copies itself as the environment's Python, and records what pip would install.
PYTHON = """#!/bin/bash
case "$1 $2 $3" in
    "-m venv "*) mkdir -p "$3/bin" && cp "$0" "$3/bin/python" ;;
    "-m pip config") printf '%s' "${PIP_SETTINGS-}" ;;
    "-m pip install") echo "pip $*" >>"$CALLS"
        [[ "$*" != *--dry-run* ]] || exit "${NO_CPU_BUILD-0}"
        exit "${PIP_STATUS-0}" ;;
    -c*) echo "12 $0" ;;
esac
"""
UV = '#!/bin/bash\n[ "$1" != pip ] || echo "uv $*" >>"$CALLS"\n'


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """The files that tools/install.sh reads, in a folder whose name needs quoting."""
    root = tmp_path / "it's a clone"
    (root / "tools").mkdir(parents=True)
    shutil.copy(ROOT / "setup.py", root)
    for name in ("install.sh", "require_bash.sh", "constraints.txt", "check_install.py"):
        shutil.copy(ROOT / "tools" / name, root / "tools")
    for name, text in (("python", PYTHON), ("uv", UV)):
        (tmp_path / name).write_text(text)
        (tmp_path / name).chmod(0o755)
    return root


def install(clone: Path, *, uv: bool = False, **variables: str) -> tuple[subprocess.CompletedProcess[str], list[str]]:
    """Run the script; return the finished process and the calls of pip and uv."""
    folder = clone.parent
    calls = folder / "calls"
    path = "/usr/bin:/bin"
    if uv:
        (folder / "bin").mkdir()
        shutil.copy(folder / "uv", folder / "bin/uv")
        path = f"{folder / 'bin'}:{path}"
    environment = {"PATH": path, "PYTHON": str(folder / "python"), "CALLS": str(calls)} | variables
    command = [clone / "tools/install.sh"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    return done, calls.read_text().splitlines() if calls.exists() else []


def test_uv_installs_when_pip_has_no_settings(clone: Path) -> None:
    done, calls = install(clone, uv=True)
    assert done.returncode == 0, done.stderr
    assert calls and {call.split()[0] for call in calls} == {"uv"}
    assert any("--no-build-isolation --editable" in call for call in calls)
    assert calls[-1].endswith("--no-deps Resemblyzer")
    assert all("--constraint" in call for call in calls if "--dry-run" not in call)


@pytest.mark.parametrize("setting", ["global.extra-index-url='x'", ":env:.find-links='/x'", "global.constraint='/x'"])
def test_pip_installs_when_it_has_settings(clone: Path, setting: str) -> None:
    done, calls = install(clone, uv=True, PIP_SETTINGS=setting + "\n")
    assert done.returncode == 0, done.stderr
    assert calls and {call.split()[0] for call in calls} == {"pip"}


@pytest.mark.skipif(HAS_DRIVER, reason="an NVIDIA driver is installed")
@pytest.mark.parametrize("available", [True, False])
def test_the_cpu_build_is_installed_only_if_the_index_has_it(clone: Path, available: bool) -> None:
    done, calls = install(clone, NO_CPU_BUILD="0" if available else "1")
    assert done.returncode == 0, done.stderr
    installed = [call for call in calls if "+cpu" in call and "--dry-run" not in call]
    assert len(installed) == available
    if available:
        assert "torch==" in installed[0] and "torchaudio==" in installed[0] and "torch-complex" not in installed[0]


def test_a_failed_installation_prints_one_line_and_is_not_marked_complete(clone: Path) -> None:
    done, _ = install(clone, PIP_STATUS="1")
    assert done.returncode == 1
    assert [line for line in done.stderr.splitlines() if line.startswith("error: pip failed")]
    assert not list((clone / "tools/venv").glob(".installed-*"))
