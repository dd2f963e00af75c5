"""Record what vLLM really answers into tests/goldens/vllm.

Usage, from the gateway's own environment: python -m tests.live.record [NAME...]
Without names every recording is made anew.
"""

import contextlib
import http.client
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from tests.live.engine import HOST, ROOT, Engine, model_folder, running_engine
from tests.live.questions import CROWDED, LONG, PLAIN, REASONING, Question

FOLDER = ROOT / "tests" / "goldens" / "vllm"
ANSWER_SECONDS_MAX = 120.0
HEADERS = ("content-type", "transfer-encoding", "allow", "retry-after", "x-request-id")
# WHY: a small window keeps the request that overflows it small.
WINDOW = ("--max-model-len", "1024")
# WHY: vLLM counts the running requests too, so one is enough to fill this queue.
ONE_AT_A_TIME = ("--max-num-queued-reqs", "1")
THINKING = (
    "--reasoning-parser",
    "qwen3",
    "--structured-outputs-config",
    '{"backend": "xgrammar", "disable_any_whitespace": true, "enable_in_reasoning": true}',
)


def encoded(question: Question) -> bytes | None:
    """Return the bytes to send; a body that is text goes as it is."""
    if question.body is None or isinstance(question.body, str):
        return question.body.encode() if question.body is not None else None
    return msgspec.json.encode(question.body)


def answer(engine: Engine, question: Question) -> bytes:
    """Return status, headers of interest, an empty line and the body, byte for byte."""
    connection = http.client.HTTPConnection(HOST, engine.port, timeout=ANSWER_SECONDS_MAX)
    with contextlib.closing(connection):
        headers = {"content-type": "application/json"}
        connection.request(question.method, question.path, encoded(question), headers)
        response = connection.getresponse()
        body = response.read()
    lines = [f"HTTP {response.status}"]
    lines += [f"{name}: {value}" for name in HEADERS if (value := response.getheader(name))]
    return "\n".join(lines).encode() + b"\n\n" + body


def request_file(question: Question) -> bytes:
    """Return the question as readable JSON."""
    shown: Mapping[str, Any] = {"path": question.path, "body": question.body}
    return msgspec.json.format(msgspec.json.encode(shown), indent=2) + b"\n"


def ask(engine: Engine, questions: Mapping[str, Question]) -> None:
    """Ask the questions one after the other, and keep the answers."""
    for name, question in questions.items():
        (FOLDER / f"{name}.request.json").write_bytes(request_file(question))
        recording = answer(engine, question)
        (FOLDER / f"{name}.txt").write_bytes(recording)
        status = recording.split(b"\n", 1)[0].decode()
        sys.stdout.write(f"{name}: {status}, {len(recording)} bytes\n")


@contextlib.contextmanager
def crowd(engine: Engine) -> Iterator[None]:
    """Keep one long request running, so that the queue is full."""
    connection = http.client.HTTPConnection(HOST, engine.port, timeout=ANSWER_SECONDS_MAX)
    with contextlib.closing(connection):
        headers = {"content-type": "application/json"}
        connection.request(LONG.method, LONG.path, encoded(LONG), headers)
        connection.getresponse().readline()
        yield


def main(names: Sequence[str]) -> None:
    """Record the named questions, or all of them."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    nobody = contextlib.nullcontext
    for questions, extra, company in (
        (PLAIN, WINDOW, nobody),
        (REASONING, WINDOW + THINKING, nobody),
        (CROWDED, ONE_AT_A_TIME, crowd),
    ):
        chosen = {name: questions[name] for name in questions if not names or name in names}
        if not chosen:
            continue
        with tempfile.TemporaryDirectory() as scratch:
            log_path = Path(scratch) / "engine.log"
            with running_engine(model_folder(), log_path, extra) as engine, company(engine):
                ask(engine, chosen)


if __name__ == "__main__":
    main(sys.argv[1:])
