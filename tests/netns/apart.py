"""Run a command where every packet is ours: python -m tests.netns.apart COMMAND [ARGUMENT...]

It starts in a network namespace of its own. Loopback is up, and a default route leads into a wire
whose other end nobody reads: what would leave this machine leaves there, and is seen.
"""

import os
import socket
import subprocess
import sys

from tests.clients.alone import adopt, end_children, loopback_up

INSIDE = "PERIMETER_APART"
WIRE, END = "way-out", "beyond"
STEPS = (
    f"link add {WIRE} type veth peer name {END}",
    f"address add 198.51.100.2/24 dev {WIRE}",
    f"-6 address add 2001:db8::2/64 dev {WIRE} nodad",
    f"link set {END} arp off up",
    f"link set {WIRE} arp off up",
    f"route add default dev {WIRE}",
    f"-6 route add default dev {WIRE}",
)


def is_apart() -> bool:
    """Is there a loopback, our wire, and nothing else?"""
    return {name for _, name in socket.if_nameindex()} == {"lo", WIRE, END}


def main(command: list[str]) -> int:
    """Return the exit status of the command; 2 where no such namespace can be made."""
    if os.environ.get(INSIDE) != "1":
        again = ["unshare", "--map-root-user", "--net", sys.executable, "-m", __spec__.name]
        environment = {**os.environ, INSIDE: "1"}
        return subprocess.run([*again, *command], env=environment, check=False).returncode
    loopback_up()
    for step in STEPS:
        subprocess.run(["ip", *step.split()], check=True)
    if not is_apart():
        print("there is another network than loopback and the wire", file=sys.stderr)
        return 2
    adopt()
    try:
        return subprocess.run(command, check=False).returncode
    finally:
        end_children()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
