"""Folders of gateways, each a copy of one that has a ledger, keys and compiled detectors."""

import io
import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from datetime import UTC, datetime
from pathlib import Path

from msgspec import Struct

from gateway.cli import main
from tests.doubles.running_gateway import WAIT_S, RunningGateway, write_node

Backends = dict[str, tuple[str, str, str]]
KEYS = {
    "website": ("web", "ada@example.com", ("--repo", "website")),
    "payments": ("pay", "pay@example.com", ("--repo", "payments")),
    "expired": ("old", "old@example.com", ("--expires-on", "2020-01-01")),
    "unbound": ("free", "free@example.com", ()),
}
MODEL = """\
  {name}:{fim}
    offerings:
      - backend: {backend}
        wire_model: {name}
        context_tokens: 32768
        output_tokens_max: 8192
        capabilities: [{abilities}]
        price: {{input: "2", output: "10", source: a test, verified_on: 2026-11-20}}
        settings: {{num_ctx: 32768}}
"""
NOWHERE: Backends = {"home": ("vllm", "http://127.0.1.1:9", "on_prem")}


class Template:
    """A folder to copy. Ledger and keys are made by the product's own commands."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.keys: dict[str, str] = {}
        write_node(folder, NOWHERE)
        node = str(folder / "perimeter.yaml")
        create_ledger(node)
        for name, (key, subject, more) in KEYS.items():
            self.keys[name] = command(
                "keys", "create", key, "--node", node, "--subject", subject, "--team", key, *more
            ).strip()
        command("check", node)

    def copy(
        self, folder: Path, backends: Backends, data: str = "", more: str = "", tasks: str = ""
    ) -> RunningGateway:
        """Return a gateway that is not started; `tasks` replaces the task `code`."""
        folder.mkdir(exist_ok=True)
        shutil.copytree(self.folder / "data", folder / "data")
        shutil.copy(self.folder / "keys.yaml", folder)
        write_node(folder, backends, data, more)
        if tasks:
            (folder / "models" / "tasks.yaml").write_text(tasks)
        gateway = RunningGateway(folder)
        gateway.keys = dict(self.keys)
        return gateway


def a_model(backend: str, name: str, abilities: str = "", fim: str = "") -> str:
    """Return an entry of the catalogue."""
    said = f"\n    fim: {fim}" if fim else ""
    whole = f"{backend}-{name}"
    return MODEL.format(backend=backend, name=whole, abilities=abilities, fim=said)


def create_ledger(node: str) -> None:
    """Make the ledger of a node."""
    today = datetime.now(UTC).date().isoformat()  # noqa: TID251 - a test outside the house
    command("ledger", "create", "--node", node, "--inception", today)


class Ran(Struct, frozen=True):
    """What became of a command."""

    code: int
    out: str
    err: str


def ran(*words: str) -> Ran:
    """Run a command in this process."""
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        code = main(words)
    return Ran(code, out.getvalue(), err.getvalue())


def command(*words: str) -> str:
    """Run a command in this process and return what it printed; it must succeed."""
    done = ran(*words)
    assert done.code == 0, done.err
    return done.out


@contextmanager
def started(gateway: RunningGateway, *prefix: str) -> Iterator[RunningGateway]:
    """The gateway, running; stopped and reaped at the end if it is still there."""
    try:
        gateway.start(*prefix)
        yield gateway
    finally:
        process = gateway.process
        if process is not None and process.poll() is None:
            _end(process)
        if process is not None and process.stdout is not None:
            process.stdout.close()


def _end(process: subprocess.Popen[str]) -> None:
    pids = _pids(process.pid)
    try:
        for number in (signal.SIGTERM, signal.SIGKILL):
            for pid in pids:
                os.kill(pid, number)
            try:
                process.wait(WAIT_S)
            except subprocess.TimeoutExpired:
                continue
            assert number == signal.SIGTERM, "the gateway did not stop when it was asked to"
            return
    finally:
        process.kill()
        process.wait(WAIT_S)


def _pids(pid: int) -> list[int]:
    """Return the process, or what it traces: a tracer takes no signal, and ends after that."""
    if Path(f"/proc/{pid}/comm").read_text().strip() != "strace":
        return [pid]
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
