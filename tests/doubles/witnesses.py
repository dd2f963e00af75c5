"""A witness as a process of its own, as another team would run it."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
from msgspec import Struct

from gateway.audit.cosignature import Cosigner, parse_cosigner
from tests.doubles.running_gateway import ROOT, WAIT_S

NAME = "witness.example/w1"


class RunningWitness(Struct):
    """The process and its address."""

    url: str
    cosigner: Cosigner
    process: subprocess.Popen[str]

    def post(self, body: str | bytes, path: str = "/add-checkpoint") -> httpx.Response:
        return httpx.post(f"{self.url}{path}", content=body, trust_env=False, timeout=10)

    def get(self, path: str) -> httpx.Response:
        return httpx.get(f"{self.url}{path}", trust_env=False, timeout=10)


def cli(*words: object) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "gateway", "witness", *map(str, words)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"},
    )


def create(folder: Path) -> Cosigner:
    """Make the key of a witness."""
    said, told = cli("create", folder / "witness.pem", "--name", NAME).communicate(timeout=WAIT_S)
    assert said, told
    return parse_cosigner(said)


@contextmanager
def a_witness(folder: Path, *vkeys: str, port: int = 0) -> Iterator[RunningWitness]:
    """Run a witness for these logs; its key and its state lie in that folder."""
    folder.mkdir(exist_ok=True)
    public = folder / "public"
    if not public.exists():
        public.write_text(str(create(folder)))
    logs = [word for vkey in vkeys for word in ("--log", vkey.strip())]
    process = cli(
        "serve", folder / "witness.pem", "--name", NAME, "--state", folder / "state.sqlite",
        "--port", port, *logs,
    )  # fmt: skip
    try:
        line = process.stdout.readline() if process.stdout else ""
        (url,) = re.findall(r"http://[0-9.]+:[0-9]+", line)
        yield RunningWitness(url, parse_cosigner(public.read_text()), process)
    finally:
        process.send_signal(signal.SIGTERM)
        assert process.wait(WAIT_S) == 0
        for pipe in (process.stdout, process.stderr):
            if pipe is not None:
                pipe.close()
