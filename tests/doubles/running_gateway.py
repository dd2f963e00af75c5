"""A gateway as a process of its own, between scripted engines."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import msgspec

ROOT = Path(__file__).resolve().parents[2]
WAIT_S = 30.0
_URL = re.compile(r"https?://[0-9.]+:[0-9]+")


class RunningGateway:
    """The process, its addresses, its keys by repository, and its folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.keys: dict[str, str] = {}
        self.url = ""
        self.admin = ""
        self.process: subprocess.Popen[str] | None = None
        self.log = folder / "stderr.log"
        self.words: tuple[str, ...] = ()

    @property
    def node(self) -> Path:
        return self.folder / "perimeter.yaml"

    @property
    def ledger(self) -> Path:
        return self.folder / "data" / "ledger"

    def cli(self, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "gateway", *words],
            capture_output=True,
            text=True,
            cwd=self.folder,
            env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
            timeout=WAIT_S,
            check=False,
        )

    def create(self) -> None:
        """Make ledger and keys."""
        today = datetime.now(UTC).date().isoformat()  # noqa: TID251 - a test outside the house
        made = self.cli("ledger", "create", "--node", str(self.node), "--inception", today)
        assert made.returncode == 0, made.stderr
        for name, repo in (("web", "website"), ("pay", "payments")):
            key = self.cli(
                "keys", "create", name, "--node", str(self.node),
                "--subject", f"{name}@example.com", "--team", name, "--repo", repo,
            )  # fmt: skip
            assert key.returncode == 0, key.stderr
            self.keys[repo] = key.stdout.strip()

    def start(self, *prefix: str, wait: bool = True) -> None:
        """Start the process; `prefix` may be a tracer."""
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [*prefix, sys.executable, "-m", "gateway", "serve", str(self.node), *self.words],
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                cwd=self.folder,
                env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"},
            )
        line = self.process.stdout.readline() if self.process.stdout else ""
        found = _URL.findall(line)
        assert len(found) == 2, f"the gateway did not start: {self.log.read_text()[-2000:]}"
        self.url, self.admin = found
        if wait:
            self.until_ready()

    def until_ready(self) -> None:
        end = time.monotonic() + WAIT_S
        while time.monotonic() < end:
            if self.get_admin("/readyz").status_code == 200:
                return
            time.sleep(0.05)
        raise AssertionError(f"never ready: {self.get_admin('/readyz').text}")

    def get_admin(self, path: str) -> httpx.Response:
        return httpx.get(f"{self.admin}{path}", trust_env=False, timeout=10)

    def post(self, path: str, body: Any, repo: str = "website", **headers: str) -> httpx.Response:
        fields = {name.replace("_", "-"): value for name, value in headers.items()}
        return httpx.post(
            f"{self.url}{path}",
            content=body if isinstance(body, bytes) else msgspec.json.encode(body),
            headers={
                "content-type": "application/json",
                "authorization": f"Bearer {self.keys[repo]}",
                **fields,
            },
            trust_env=False,
            timeout=WAIT_S,
        )

    def record(self, record_id: str, repo: str = "website") -> dict[str, Any]:
        """Return the record once it is settled."""
        end = time.monotonic() + WAIT_S
        while time.monotonic() < end:
            reply = httpx.get(
                f"{self.url}/v1/records/{record_id}",
                headers={"authorization": f"Bearer {self.keys[repo]}"},
                trust_env=False,
                timeout=10,
            )
            if reply.status_code == 200 and reply.json()["outcome"] is not None:
                return reply.json()
            time.sleep(0.02)
        raise AssertionError("the record was never settled")

    def stop(self, number: int = signal.SIGTERM) -> int:
        assert self.process is not None
        self.process.send_signal(number)
        return self.process.wait(WAIT_S)

    def verify(self) -> subprocess.CompletedProcess[str]:
        return self.cli("verify", str(self.ledger))


NODE = """version: 1
origin: demo/test
demo: true
listeners:
  data: {{host: 127.0.0.1, port: 0{data}}}
  admin: {{host: 127.0.0.1, port: 0}}
paths: {{policy: {policy}, models: models, keys: keys.yaml}}
{more}
"""
OFFERING = """
    offerings:
      - backend: {backend}
        wire_model: {model}
        context_tokens: 32768
        output_tokens_max: 8192
        capabilities: [tools, images, thinking]
        price: {{input: "2", output: "10", source: a test, verified_on: 2026-11-20}}
        settings: {{num_ctx: 32768}}
"""


def write_node(
    folder: Path, backends: dict[str, tuple[str, str, str]], data: str = "", more: str = ""
) -> None:
    """Write a demo node; `backends` maps a name to (kind, url, zone).

    Each has a model `<name>-model`; the task `code` lists them all in order. `data` adds keys to
    the data listener (`, key: value`), `more` to the node file.
    """
    models = folder / "models"
    models.mkdir(exist_ok=True)
    policy = ROOT / "policies" / "demo"
    (folder / "perimeter.yaml").write_text(NODE.format(policy=policy, data=data, more=more))
    listed = "".join(
        f'  {name}: {{kind: {kind}, url: "{url}", zone: {zone}}}\n'
        for name, (kind, url, zone) in backends.items()
    )
    (models / "backends.yaml").write_text(f"version: 1\nbackends:\n{listed}")
    offered = "".join(
        f"  {name}-model:{OFFERING.format(backend=name, model=f'{name}-model')}"
        for name in backends
    )
    (models / "catalog.yaml").write_text(f"version: 1\nmodels:\n{offered}")
    order = ", ".join(f"{name}-model" for name in backends)
    (models / "tasks.yaml").write_text(f"code: [{order}]\n")


@contextmanager
def running_gateway(
    folder: Path, backends: dict[str, tuple[str, str, str]], data: str = "", more: str = ""
) -> Iterator[RunningGateway]:
    """A started gateway with ledger and keys; stopped and reaped at the end."""
    write_node(folder, backends, data, more)
    gateway = RunningGateway(folder)
    gateway.create()
    gateway.start()
    try:
        yield gateway
    finally:
        if gateway.process is not None and gateway.process.poll() is None:
            gateway.process.terminate()
            try:
                gateway.process.wait(WAIT_S)
            except subprocess.TimeoutExpired:
                gateway.process.kill()
                raise
