"""Has the ledger say that it was read, before anything of it is shown."""

import argparse
import asyncio
import fcntl
import os
import time
from pathlib import Path

import msgspec

from gateway.app.inbox import Answer as Said
from gateway.app.query import TEXT_CHARACTERS_MAX, Query
from gateway.cli.audit.question import Answer, Asked
from gateway.domain.errors import LedgerUnavailable
from gateway.ledger.paths import LedgerFolder

ANSWER_S_MAX = 10.0
POLL_S = 0.02
NAME_BYTES = 16
MODE = 0o644
RECORDED = "this reading is recorded in the ledger"
COPY = "a copy was read: this reading is recorded nowhere"
HINT = "where no gateway runs, --node records it here; --copy reads a copy, which no ledger records"


def told(arguments: argparse.Namespace, asked: Asked, answer: Answer) -> str:
    """Record the reading and return what is said of that; LedgerUnavailable where it cannot be."""
    if arguments.copy:
        return COPY
    record(asked.ledger.folder, arguments.node, _query(arguments, asked, answer))
    return RECORDED


def record(folder: LedgerFolder, node: Path | None, query: Query) -> None:
    """Have the gateway record a reading, or do it where none runs; GatewayError where it cannot."""
    if _is_held(folder):
        _hand(folder, query)
    elif node is not None:
        _alone(node, folder, query)
    else:
        raise LedgerUnavailable("this reading would not be recorded, so it is refused", hint=HINT)


def _alone(node: Path, folder: LedgerFolder, query: Query) -> None:
    # WHY: this loads half of a gateway, which is needed only where none runs.
    from gateway.app.loading import load_all
    from gateway.app.moment import SystemClock
    from gateway.app.queries import record_alone

    loaded = load_all(node, os.environ, SystemClock().now().date())
    if not loaded.node.settings.paths.ledger.samefile(folder.root):
        raise LedgerUnavailable("the node has another ledger than the one that is read")
    asyncio.run(record_alone(loaded, query))


def _query(arguments: argparse.Namespace, asked: Asked, answer: Answer) -> Query:
    return Query(
        question=arguments.question,
        period=str(asked.period),
        where=(arguments.where or "")[:TEXT_CHARACTERS_MAX],
        record=asked.record[:36],
        within=asked.within[:TEXT_CHARACTERS_MAX],
        form=arguments.form,
        rows=len(answer.rows),
        size=asked.ledger.checkpoint.size,
        verified=asked.ledger.report is not None,
    )


def _is_held(folder: LedgerFolder) -> bool:
    """Does a gateway hold this ledger? Who may only read it can tell."""
    try:
        with folder.lock.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):
        # WHY: who may only read the evidence cannot look at the lock; whether a gateway runs is
        # told by its answer.
        return True
    except OSError:
        return False
    return False


def _hand(folder: LedgerFolder, query: Query) -> None:
    """Put the query where the gateway looks, and wait until it says that it is recorded."""
    name = os.urandom(NAME_BYTES).hex()
    fresh, path, reply = (folder.queries / f"{name}{end}" for end in (".new", ".json", ".answer"))
    try:
        _write(fresh, msgspec.json.encode(query))
        fresh.replace(path)
        said = _waited(reply)
    except OSError as error:
        hint = f"{error.strerror or type(error).__name__}: {folder.queries.name}"
        raise LedgerUnavailable("this reading cannot be told to the gateway", hint=hint) from None
    finally:
        # WHY: what nobody took must not be recorded later, when nobody has read anything.
        for one in (fresh, path, reply):
            _away(one)
    if not said.taken:
        raise LedgerUnavailable("this reading was not recorded, so it is refused", hint=said.why)


def _write(path: Path, data: bytes) -> None:
    """Write a file that the gateway can read, whoever it is; nobody else knows its name."""
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, MODE), "wb") as file:
        os.fchmod(file.fileno(), MODE)
        file.write(data)


def _waited(reply: Path) -> Said:
    until = time.monotonic() + ANSWER_S_MAX
    while not reply.exists():
        if time.monotonic() > until:
            return Said(taken=False, why="no gateway has taken it")
        time.sleep(POLL_S)
    try:
        return msgspec.json.decode(reply.read_bytes(), type=Said)
    except msgspec.MsgspecError:
        return Said(taken=False, why="the answer cannot be read")


def _away(path: Path) -> None:
    try:
        path.unlink(missing_ok=True)
    except OSError:
        return
