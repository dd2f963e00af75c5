"""Two scripted engines, a gateway between them and us, and the files that it needs."""

import http.client
import os
import re
import signal
import subprocess
import sys
import time
from datetime import UTC
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import msgspec

from gateway.app.moment import SystemClock
from gateway.cli.demo.files import BACKENDS, CATALOG, NODE, TASKS

WAIT_S_MAX = 60.0
POLL_S = 0.05
TIMEOUT_S = 15
ZONES = {"on_prem": "127.0.1.1", "frontier": "127.0.2.1"}
_URL = re.compile(r"https?://[0-9.]+:[0-9]+")


class DemoError(RuntimeError):
    """Something that the demo needs did not come up."""


class Stage:
    """Everything that runs during the demo."""

    def __init__(self, folder: Path, policy: Path) -> None:
        self._folder = folder
        self._policy = policy
        self._engines: dict[str, subprocess.Popen[str]] = {}
        self._gateway: subprocess.Popen[str] | None = None
        self._urls: dict[str, str] = {}
        self.keys: dict[str, str] = {}
        self.gateway = ""
        self.admin = ""

    @property
    def node(self) -> Path:
        """The node file of the demo."""
        return self._folder / "perimeter.yaml"

    @property
    def ledger(self) -> Path:
        """The folder of the ledger."""
        return self._folder / "data" / "ledger"

    @property
    def checkpoints(self) -> Path:
        """The checkpoint store."""
        return self._folder / "data" / "checkpoints.sqlite"

    def start(self) -> None:
        """Start the engines, write the files, make ledger and keys, start the gateway."""
        for zone, host in ZONES.items():
            self._engines[zone] = self._run("mock-backend", "--host", host, "--name", zone)
            self._urls[zone] = _urls_of(self._engines[zone])[0]
        self._write()
        today = SystemClock().now().astimezone(UTC).date().isoformat()
        self._call("ledger", "create", "--node", str(self.node), "--inception", today)
        for key, repo in (("web", "website"), ("pay", "payments")):
            self.keys[repo] = self._call(
                "keys", "create", key, "--node", str(self.node), "--subject", f"{key}@example.com",
                "--team", key, "--repo", repo,
            )  # fmt: skip
        self._gateway = self._run("serve", str(self.node), "--log-level", "error")
        self.gateway, self.admin = _urls_of(self._gateway)
        self._until_ready(self.admin)

    def write_environment(self) -> None:
        """Write what a shell needs to speak to the gateway."""
        lines = [f"GATEWAY={self.gateway}", f"ADMIN={self.admin}", f"LEDGER={self.ledger}"]
        lines.append(f"CHECKPOINTS={self.checkpoints}")
        lines += [f"{repo.upper()}_KEY={key}" for repo, key in self.keys.items()]
        target = self._folder / "env"
        fresh = target.with_suffix(".new")
        fresh.touch(mode=0o600)
        fresh.write_text("\n".join(lines) + "\n")
        fresh.replace(target)

    def stop_engine(self, zone: str) -> None:
        """Take an engine away."""
        self._engines[zone].terminate()
        self._engines[zone].wait(TIMEOUT_S)

    def served(self, zone: str) -> int:
        """Return how many prompts the engine of a zone has seen."""
        _, _, raw = fetch(self._urls[zone], "GET", "/mock/state")
        served: dict[str, int] = msgspec.json.decode(raw)["served"]
        return sum(count for path, count in served.items() if path.startswith("POST"))

    def finish(self) -> list[str]:
        """Stop the gateway in good order and verify its ledger; returns what went wrong."""
        if self._gateway is None:
            return ["the gateway never ran"]
        self._gateway.send_signal(signal.SIGTERM)
        failures = []
        if self._gateway.wait(TIMEOUT_S) != 0:
            failures.append("the gateway did not stop in good order")
        verified = self._finished(
            "verify", str(self.ledger), "--checkpoints", str(self.checkpoints)
        )
        print("\nperimeter verify")
        print("".join(f"  {line}\n" for line in (verified.stdout + verified.stderr).splitlines()))
        if verified.returncode != 0:
            failures.append("the ledger is not whole")
        return failures

    def clear(self) -> None:
        """Leave no process behind."""
        for process in (*self._engines.values(), self._gateway):
            if process is not None and process.poll() is None:
                process.kill()
                process.wait(TIMEOUT_S)

    def _write(self) -> None:
        models = self._folder / "models"
        models.mkdir()
        self.node.write_text(NODE.format(policy=self._policy))
        (models / "backends.yaml").write_text(BACKENDS.format(**self._urls))
        (models / "catalog.yaml").write_text(CATALOG)
        (models / "tasks.yaml").write_text(TASKS)

    def _until_ready(self, admin: str) -> None:
        end = time.monotonic() + WAIT_S_MAX
        while time.monotonic() < end:
            status, _, _ = fetch(admin, "GET", "/readyz")
            if status == http.client.OK:
                return
            time.sleep(POLL_S)
        raise DemoError("the gateway did not become ready")

    def _run(self, *words: str) -> subprocess.Popen[str]:
        return subprocess.Popen(  # noqa: S603 - our own command
            [sys.executable, "-m", "gateway", *words],
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
        )

    def _finished(self, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(  # noqa: S603 - our own command
            [sys.executable, "-m", "gateway", *words],
            capture_output=True,
            text=True,
            check=False,
            timeout=WAIT_S_MAX,
        )

    def _call(self, *words: str) -> str:
        done = self._finished(*words)
        if done.returncode != 0:
            raise DemoError(f"perimeter {words[0]}: {done.stderr.strip()}")
        return done.stdout.strip()


def fetch(
    url: str,
    method: str,
    path: str,
    body: dict[str, Any] | None = None,
    **headers: str,
) -> tuple[int, dict[str, str], bytes]:
    """Return status, headers by lower-case name, and body."""
    address = urlsplit(url)
    connection = http.client.HTTPConnection(address.hostname or "", address.port, TIMEOUT_S)
    raw = None if body is None else msgspec.json.encode(body)
    fields = {name.replace("_", "-"): value for name, value in headers.items()}
    try:
        connection.request(method, path, raw, {"content-type": "application/json", **fields})
        reply = connection.getresponse()
        told = {name.lower(): value for name, value in reply.getheaders()}
        return reply.status, told, reply.read()
    finally:
        connection.close()


def _urls_of(process: subprocess.Popen[str]) -> list[str]:
    """Return the addresses that a process announces in its first line."""
    line = process.stdout.readline() if process.stdout is not None else ""
    found = _URL.findall(line)
    if not found:
        raise DemoError("a process did not come up")
    return found
