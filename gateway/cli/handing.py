"""Hands a statement to the gateway of a node, or takes it in its place where none runs."""

import asyncio
import os
import time
from pathlib import Path

import msgspec

from gateway.app.alone import is_running, take_alone
from gateway.app.inbox import Answer
from gateway.app.loading import load_all
from gateway.app.moment import SystemClock
from gateway.config.settings import Settings
from gateway.domain.approval import NONCE_CHARS

ANSWER_S_MAX = 10.0
ANSWER_POLL_S = 0.05
NOBODY = "no gateway has taken it"


def handed(node: Path, settings: Settings, data: bytes) -> str:
    """Have a statement checked and recorded; return why it was refused, empty when it is taken."""
    if is_running(settings.paths):
        return _why(_through(data, settings.paths.approvals))
    loaded = load_all(node, os.environ, SystemClock().now().date())
    return _why(asyncio.run(take_alone(loaded, data)))


def _why(answer: Answer) -> str:
    return "" if answer.taken else answer.why


def _through(data: bytes, inbox: Path) -> Answer:
    inbox.mkdir(mode=0o700, parents=True, exist_ok=True)
    name = os.urandom(NONCE_CHARS // 2).hex()
    fresh, path, answer = (inbox / f"{name}{end}" for end in (".new", ".json", ".answer"))
    fresh.write_bytes(data)
    fresh.replace(path)
    until = time.monotonic() + ANSWER_S_MAX
    try:
        while not answer.exists():
            if time.monotonic() > until:
                return Answer(taken=False, why=NOBODY)
            time.sleep(ANSWER_POLL_S)
        return msgspec.json.decode(answer.read_bytes(), type=Answer)
    finally:
        # WHY: what nobody took must not be recorded later, when nobody waits for it any more.
        path.unlink(missing_ok=True)
        answer.unlink(missing_ok=True)
