"""Run a command where the only network is loopback: python alone.py COMMAND [ARGUMENT...]

It starts in a network namespace of its own, which has a loopback that is down, and nothing else.
What a client leaves running behind itself ends with the command.
"""

import contextlib
import ctypes
import fcntl
import os
import signal
import socket
import struct
import subprocess
import sys
from pathlib import Path

INSIDE = "PERIMETER_ALONE"
GET_FLAGS, SET_FLAGS, UP = 0x8913, 0x8914, 0x1
IFREQ = "16sh22x"
SET_CHILD_SUBREAPER = 36


def loopback_up() -> None:
    """Bring the loopback up, which in a namespace of one's own needs no other program."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        told = fcntl.ioctl(any_socket, GET_FLAGS, struct.pack(IFREQ, b"lo", 0))
        flags = struct.unpack(IFREQ, told)[1] | UP
        fcntl.ioctl(any_socket, SET_FLAGS, struct.pack(IFREQ, b"lo", flags))


def is_alone() -> bool:
    """Is there no other interface than the loopback?"""
    return [name for _, name in socket.if_nameindex()] == ["lo"]


def adopt() -> None:
    """Become the parent of whatever is left behind by those that we start."""
    if ctypes.CDLL(None).prctl(SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0:
        raise OSError("this system lets no process adopt others")


def end_children() -> None:
    """Kill our children and, as they become ours, theirs, until none is left."""
    mine = Path(f"/proc/{os.getpid()}/task/{os.getpid()}/children")
    while pids := mine.read_text().split():
        for pid in map(int, pids):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
            with contextlib.suppress(ChildProcessError):
                os.waitpid(pid, 0)


def main(command: list[str]) -> int:
    """Return the exit status of the command."""
    if os.environ.get(INSIDE) != "1":
        again = ["unshare", "--map-root-user", "--net", sys.executable, __file__, *command]
        return subprocess.run(again, env={**os.environ, INSIDE: "1"}, check=False).returncode
    loopback_up()
    if not is_alone():
        print("there is another network than loopback", file=sys.stderr)
        return 2
    adopt()
    try:
        return subprocess.run(command, check=False).returncode
    finally:
        end_children()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
