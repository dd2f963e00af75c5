"""Record what vLLM really answers into tests/goldens/vllm.

Usage, from the gateway's own environment: python tests/live/record.py [NAME...]
Without names every recording is made anew.
"""

import contextlib
import http.client
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
from engine import CONTEXT_TOKENS_MAX, HOST, ROOT, SERVED_MODEL, Engine, model_folder
from engine import running_engine as run
from questions import QUESTIONS, Question

FOLDER = ROOT / "tests" / "goldens" / "vllm"
ANSWER_SECONDS_MAX = 120.0
HEADERS = ("content-type", "transfer-encoding", "allow", "retry-after", "x-request-id")
# WHY: a small window keeps the request that overflows it small.
WINDOW_TOKENS = 1024


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


def main(names: list[str]) -> None:
    """Ask the chosen questions and keep the answers."""
    chosen = {name: QUESTIONS[name] for name in names or QUESTIONS}
    FOLDER.mkdir(parents=True, exist_ok=True)
    extra = ("--max-model-len", str(min(WINDOW_TOKENS, CONTEXT_TOKENS_MAX)))
    with tempfile.TemporaryDirectory() as scratch:
        log_path = Path(scratch) / "engine.log"
        with run(model_folder(), log_path, extra) as engine:
            for name, question in chosen.items():
                (FOLDER / f"{name}.request.json").write_bytes(request_file(question))
                recording = answer(engine, question)
                (FOLDER / f"{name}.txt").write_bytes(recording)
                status = recording.split(b"\n", 1)[0].decode()
                sys.stdout.write(f"{SERVED_MODEL} {name}: {status}, {len(recording)} bytes\n")


if __name__ == "__main__":
    main(sys.argv[1:])
