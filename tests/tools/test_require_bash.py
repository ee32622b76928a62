"""An old bash gets one error line before it parses newer syntax."""

import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def source_with(version: str) -> subprocess.CompletedProcess[str]:
    """Source the check in a bash that reports a version."""
    command = ["bash", "-c", 'BASH_VERSION=$1; . "$2"; echo passed', "bash", version, ROOT / "tools/require_bash.sh"]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("version", ["4.4.0(1)-release", "4.4.20", "5.0.3", "5.2.37(1)-release", "10.1"])
def test_bash_4_4_and_later_pass(version: str) -> None:
    done = source_with(version)
    assert (done.returncode, done.stdout, done.stderr) == (0, "passed\n", "")


@pytest.mark.parametrize("version", ["3.2.57(1)-release", "2.05b", "4.0.0", "4.3.48(1)-release"])
def test_an_older_bash_gets_one_error_line(version: str) -> None:
    done = source_with(version)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith(f"error: bash {version} is too old: put bash 4.4 or newer first on PATH")
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("script", ["tools/install.sh", "tests/run.sh", "egs/TEMPLATE/utt.sh"])
def test_every_entry_script_checks_the_bash_version_first(script: str) -> None:
    lines = (ROOT / script).read_text(encoding="utf-8").splitlines()
    code = [line for line in lines if line and not line.startswith("#")]
    checks = [index for index, line in enumerate(code) if line.startswith(". ") and "require_bash.sh" in line]
    assert checks and checks[0] <= 2
