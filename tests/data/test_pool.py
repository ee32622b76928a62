"""Workers of a killed command do not stay behind."""

import os
import signal
import subprocess
import sys
import time

SCRIPT = """
import os, time
from espnet_ext.data.pool import process_pool

if __name__ == "__main__":
    with process_pool(1, "espnet_ext.data.pool") as executor:
        print(executor.submit(os.getpid).result(), flush=True)
        time.sleep(60)
"""


def is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_a_worker_ends_when_its_parent_is_killed(tmp_path) -> None:
    (tmp_path / "script.py").write_text(SCRIPT)
    with subprocess.Popen([sys.executable, tmp_path / "script.py"], stdout=subprocess.PIPE, text=True) as parent:
        worker = int(parent.stdout.readline())
        assert is_running(worker)
        parent.send_signal(signal.SIGKILL)
    deadline = time.monotonic() + 20
    while is_running(worker) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not is_running(worker)
