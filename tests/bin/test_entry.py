"""Commands end with one line and status 1 on bad input, and with a traceback on a bug."""

import os
import subprocess
import sys

import pytest


def execute(script: str, stdout: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", script]
    return subprocess.run(command, stdout=stdout, stderr=subprocess.PIPE, text=True, check=False)


def run(body: str) -> subprocess.CompletedProcess[str]:
    """Run a command whose main() has `body`."""
    script = (
        "import errno, os, sys\n"
        "from espnet_ext.bin.entry import run_main\n"
        "from espnet_ext.utils.errors import UserError\n"
        f"def main():\n    {body}\n"
        "run_main(main)\n"
    )
    return execute(script, stdout=subprocess.PIPE)


@pytest.mark.parametrize(
    ("body", "line"),
    [
        ("raise UserError('text:3: not UTF-8; save it as such')", "text:3: not UTF-8; save it as such"),
        ("raise UserError('two\\n  lines')", "two lines"),
        (r"raise UserError('r/\x1b[2J\u202e.wav: no audio')", r"r/\x1b[2J\u202e.wav: no audio"),
        ("open('/nowhere/x')", "No such file or directory: /nowhere/x"),
        ("raise OSError(errno.ENOSPC, 'No space left', 'exp/m.pth')", "No space left: exp/m.pth"),
        ("os.rename('/nowhere/a', '/nowhere/b')", "No such file or directory: /nowhere/a -> /nowhere/b"),
        ("raise OSError('Error opening x.wav')", "Error opening x.wav"),
        ("raise KeyboardInterrupt", "interrupted; run the same command again to continue"),
    ],
)
def test_bad_input_gives_one_line_and_status_1(body: str, line: str) -> None:
    done = run(body)
    assert (done.returncode, done.stderr) == (1, f"error: {line}\n")


def test_success_has_status_0() -> None:
    done = run("print('done')")
    assert (done.returncode, done.stdout, done.stderr) == (0, "done\n", "")


def test_a_file_name_that_is_not_utf_8_is_printed_unchanged() -> None:
    script = "import os; from espnet_ext.bin.entry import run_main; run_main(lambda: print(os.fsdecode(b'caf\\xe9')))"
    command = [sys.executable, "-X", "utf8=1", "-c", script]
    environment = os.environ | {"PYTHONIOENCODING": "utf-8:strict"}
    assert subprocess.run(command, stdout=subprocess.PIPE, env=environment, check=True).stdout == b"caf\xe9\n"


def test_a_bug_keeps_its_traceback() -> None:
    done = run("raise ZeroDivisionError('ours')")
    assert done.returncode == 1
    assert "Traceback" in done.stderr and "ZeroDivisionError: ours" in done.stderr


def test_a_full_disk_behind_stdout_is_reported() -> None:
    script = "from espnet_ext.bin.entry import run_main; run_main(lambda: print('x'))"
    with open("/dev/full", "w") as full:
        done = execute(script, stdout=full)
    assert done.returncode != 0
    assert done.stderr.startswith("error: No space left on device\n")


def test_a_closed_pipe_gives_no_traceback() -> None:
    script = "from espnet_ext.bin.entry import run_main; run_main(lambda: print('x\\n' * 100000))"
    reader = subprocess.Popen(["true"], stdin=subprocess.PIPE)
    reader.wait()
    done = execute(script, stdout=reader.stdin)
    assert (done.returncode, done.stderr) == (1, "")
