"""Workers of a killed command end with it."""

import signal
import subprocess
import sys
from pathlib import Path

SCRIPT = """
import os, signal
from espnet_ext.utils.pool import process_pool

if __name__ == "__main__":
    with process_pool(1, "espnet_ext.utils.pool") as executor:
        print(executor.submit(os.getpid).result(), flush=True)
        signal.pause()
"""


def test_a_worker_ends_when_its_parent_is_killed(tmp_path: Path) -> None:
    (tmp_path / "script.py").write_text(SCRIPT)
    with subprocess.Popen([sys.executable, tmp_path / "script.py"], stdout=subprocess.PIPE, text=True) as parent:
        worker = int(parent.stdout.readline())
        output = Path(f"/proc/{worker}/fd/1").readlink()
        assert output == Path(f"/proc/{parent.pid}/fd/1").readlink()
        parent.send_signal(signal.SIGKILL)
        # The worker inherits the output pipe, which closes when the last process has ended.
        assert parent.stdout.read() == ""
