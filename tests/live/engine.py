"""A real vLLM on the CPU, started for the tests that need one.

with running_engine(model_folder(), log_path) as engine:
    httpx.get(engine.base_url + "/v1/models")
"""

import contextlib
import http.client
import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
ENVIRONMENT = ROOT / ".venv-vllm"
PYTHON = ENVIRONMENT / "bin" / "python"
CACHE = ROOT / ".cache"
MODEL_FOLDER = CACHE / "tiny-qwen3"
MODEL_RECIPE = ("tiny_model.py", "chat_template.jinja")

SERVED_MODEL = "tiny-qwen3"
EMBEDDING_MODEL = "tiny-embed"
# WHY: an address of the on-prem zone of policies/demo, so that the gateway may send to it.
HOST = "127.0.1.1"
CONTEXT_TOKENS_MAX = 8192
EMBEDDED_TOKENS_MAX = 512
# WHY: two places, so that two choices of one request run side by side, and a third request waits.
PLACES = 2
# WHY: log probabilities make a few tokens many bytes.
LOGPROBS_MAX = 200
START_SECONDS_MAX = 300.0
STOP_SECONDS_MAX = 20.0
ANSWER_SECONDS_MAX = 10.0
PAUSE_SECONDS = 0.1
LOG_TAIL_BYTES = 4000

OFFLINE = {
    "HF_HUB_OFFLINE": "1",
    "TRANSFORMERS_OFFLINE": "1",
    "VLLM_NO_USAGE_STATS": "1",
    "DO_NOT_TRACK": "1",
}


class EngineFailed(RuntimeError):
    """The engine did not start, or did not answer."""


def missing() -> str | None:
    """Return why there is no engine to start, or None when there is one."""
    wanted = HERE / "requirements-vllm.txt"
    stamp = ENVIRONMENT / "installed-requirements.txt"
    if not PYTHON.exists() or not stamp.exists():
        return "the test engine is not installed: run tests/live/install_engine.sh"
    if stamp.read_bytes() != wanted.read_bytes():
        return "the test engine is not the pinned one: run tests/live/install_engine.sh"
    return None


def model_folder() -> Path:
    """Return the tiny model's folder, made anew when it is missing or its recipe has changed."""
    recipe = b"".join((HERE / name).read_bytes() for name in MODEL_RECIPE)
    stamp = MODEL_FOLDER / "recipe"
    if not stamp.exists() or stamp.read_bytes() != recipe:
        subprocess.run([PYTHON, HERE / "tiny_model.py", MODEL_FOLDER], check=True)
        stamp.write_bytes(recipe)
    return MODEL_FOLDER


def free_port() -> int:
    """Return a loopback port nobody listens on."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
    return port


@dataclass
class Engine:
    """A vLLM server in a process group of its own."""

    process: subprocess.Popen[bytes]
    port: int
    log_path: Path
    start_seconds: float = 0.0

    @property
    def base_url(self) -> str:
        """The address without a path: add `/v1/...` to it."""
        return f"http://{HOST}:{self.port}"

    def fetch(self, path: str) -> tuple[int, str]:
        """Return the status and the text of a GET."""
        connection = http.client.HTTPConnection(HOST, self.port, timeout=ANSWER_SECONDS_MAX)
        with contextlib.closing(connection):
            connection.request("GET", path)
            response = connection.getresponse()
            return response.status, response.read().decode()

    def metric(self, name: str, **labels: str) -> float:
        """Return the sum of a metric's samples that carry these labels."""
        _, page = self.fetch("/metrics")
        pattern = re.compile(
            rf"^{re.escape(name)}(?:\{{(?P<labels>.*)\}})? (?P<value>\S+)$", re.MULTILINE
        )
        samples = list(pattern.finditer(page))
        if not samples:
            raise KeyError(name)
        wanted = [f'{key}="{value}"' for key, value in labels.items()]
        return sum(
            float(sample["value"])
            for sample in samples
            if all(label in (sample["labels"] or "") for label in wanted)
        )

    def wait_until_healthy(self) -> None:
        """Return once `/health` answers 200, or raise with the end of the engine's log."""
        began = time.monotonic()
        while (waited := time.monotonic() - began) < START_SECONDS_MAX:
            if self.process.poll() is not None:
                raise EngineFailed(f"vLLM ended with {self.process.returncode}:\n{self.log_tail()}")
            with contextlib.suppress(OSError, http.client.HTTPException):
                if self.fetch("/health")[0] == http.HTTPStatus.OK:
                    self.start_seconds = waited
                    return
            time.sleep(PAUSE_SECONDS)
        raise EngineFailed(f"vLLM not ready in {START_SECONDS_MAX:.0f} s:\n{self.log_tail()}")

    def log_tail(self) -> str:
        """Return the last lines of the engine's log."""
        return self.log_path.read_bytes()[-LOG_TAIL_BYTES:].decode(errors="replace")

    def stop(self) -> None:
        """End the engine and every process it started; a second call does nothing."""
        if self.process.stdin is not None:
            self.process.stdin.close()
        try:
            self.process.wait(STOP_SECONDS_MAX)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def command(model: Path, port: int, extra: Sequence[str] = ()) -> list[str]:
    """Return the command line of the server."""
    options = {
        # WHY: a relative path, because `/v1/models` shows it as `root`.
        "--model": model.name,
        "--served-model-name": SERVED_MODEL,
        "--host": HOST,
        "--port": str(port),
        "--max-model-len": str(CONTEXT_TOKENS_MAX),
        "--max-num-seqs": str(PLACES),
        "--max-logprobs": str(LOGPROBS_MAX),
        "--logits-processors": "pace:Pace",
        "--dtype": "float32",
        "--tool-call-parser": "hermes",
        # WHY: random weights would pad guided JSON with white space up to max_tokens.
        "--structured-outputs-config": '{"backend": "xgrammar", "disable_any_whitespace": true}',
    }
    flags = ["--enforce-eager", "--enable-auto-tool-choice", "--enable-prompt-tokens-details"]
    server = [str(PYTHON), "-m", "vllm.entrypoints.openai.api_server"]
    return [*server, *(word for pair in options.items() for word in pair), *flags, *extra]


def embedder(model: Path, port: int, extra: Sequence[str] = ()) -> list[str]:
    """Return the command line of a server of the same weights that embeds and does nothing else."""
    options = {
        "--model": model.name,
        "--served-model-name": EMBEDDING_MODEL,
        "--host": HOST,
        "--port": str(port),
        "--max-model-len": str(EMBEDDED_TOKENS_MAX),
        "--max-num-seqs": str(PLACES),
        "--dtype": "float32",
        "--runner": "pooling",
        "--convert": "embed",
    }
    server = [str(PYTHON), "-m", "vllm.entrypoints.openai.api_server"]
    return [
        *server,
        *(word for pair in options.items() for word in pair),
        "--enforce-eager",
        *extra,
    ]


def surroundings() -> dict[str, str]:
    """Return the server's environment: offline, small, and with nothing of our own venv."""
    kept = {key: os.environ[key] for key in ("PATH", "HOME", "LANG", "TMPDIR") if key in os.environ}
    cache = {"VLLM_CACHE_ROOT": str(CACHE / "vllm-cache"), "VLLM_CPU_KVCACHE_SPACE": "1"}
    # WHY: the path is for `pace`, and holds nothing of our own environment.
    return kept | OFFLINE | cache | {"PYTHONSAFEPATH": "1", "PYTHONPATH": str(HERE / "plugin")}


@contextlib.contextmanager
def running_engine(
    model: Path,
    log_path: Path,
    extra: Sequence[str] = (),
    command: Callable[[Path, int, Sequence[str]], list[str]] = command,
) -> Iterator[Engine]:
    """Start a server on a free loopback port, yield it once healthy, and leave nothing running."""
    port = free_port()
    leash = [sys.executable, str(HERE / "leash.py"), *command(model, port, extra)]
    with log_path.open("wb") as log:
        process = subprocess.Popen(
            leash,
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=subprocess.STDOUT,
            env=surroundings(),
            cwd=model.parent,
            start_new_session=True,
        )
    engine = Engine(process, port, log_path)
    try:
        engine.wait_until_healthy()
        yield engine
    finally:
        engine.stop()
