"""Run a command, and end its whole process group as soon as the process that asked is gone.

The asker holds the other end of our standard input. However it ends, even by SIGKILL, the pipe
closes, and no engine is left behind. Usage: python leash.py COMMAND [ARGUMENT...]
"""

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time

TERM_SECONDS_MAX = 10.0
PAUSE_SECONDS = 0.05


def end(group: int) -> None:
    """Ask the group to end, and make it end once its time is over."""
    deadline = time.monotonic() + TERM_SECONDS_MAX
    with contextlib.suppress(ProcessLookupError):
        os.killpg(group, signal.SIGTERM)
        while time.monotonic() < deadline:
            os.killpg(group, 0)
            time.sleep(PAUSE_SECONDS)
        os.killpg(group, signal.SIGKILL)


def main(command: list[str]) -> int:
    """Return the command's exit status, once nothing of its group is left."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    child = subprocess.Popen(command, stdin=subprocess.DEVNULL, process_group=0)

    def watch() -> None:
        """Wait for the end of our standard input."""
        while os.read(0, 1):
            pass
        end(child.pid)

    threading.Thread(target=watch, daemon=True).start()
    status = child.wait()
    end(child.pid)
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
