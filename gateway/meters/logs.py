"""JSON lines on stderr that cannot hold a prompt by accident."""

import logging
import re
import sys
import threading
from collections.abc import MutableMapping
from contextlib import suppress
from types import TracebackType
from typing import Any, BinaryIO, cast

import msgspec
import structlog
from structlog.typing import FilteringBoundLogger

from gateway.domain.errors import ConfigError, GatewayError

VALUE_CHARS_MAX = 256
LIST_MAX = 32
FRAMES_MAX = 24
CAUSES_MAX = 4

# INVARIANT: a field that is not named here is dropped. None of these names content, a person,
# an address or a key.
FIELDS = frozenset(
    {
        "attempt", "backend", "boot", "bytes", "candidate", "changed", "code", "count", "detector",
        "detectors", "digest", "dialect", "document", "duration_ms", "error", "event", "expected",
        "file", "frames", "hint", "host", "in_flight", "index", "kind", "level", "limit", "line",
        "listener", "logger", "model", "number", "offering", "origin", "outcome", "pid", "port",
        "problem", "problems", "ready", "reason", "record", "rule", "rules", "signal", "size",
        "state", "status", "surface", "timestamp", "up_to", "url_path_kind", "version", "warm",
        "what", "where", "zone", "zones",
    }
)  # fmt: skip

_EVENT = re.compile(r"[a-z][a-z0-9_.]{0,63}")
_UNNAMED = "unnamed_event"
_FOREIGN = "foreign_line"
_LEVELS = {"debug": 10, "info": 20, "warning": 30, "error": 40}

_Fields = MutableMapping[str, Any]


def configure_logs(level: str = "info", stream: BinaryIO | None = None) -> None:
    """Set the form of every line, of ours and of foreign libraries; call it once, at the start.

    Levels are debug, info, warning and error; ValueError for another. Foreign lines show their
    logger, level and place in code, never their text: it may repeat what a client sent.
    """
    if level not in _LEVELS:
        raise ValueError(f"a log level is one of {', '.join(_LEVELS)}")
    output = cast("BinaryIO", Output(sys.stderr.buffer if stream is None else stream))
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            show_exception,
            keep_allowed,
            render,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(_LEVELS[level]),
        logger_factory=structlog.BytesLoggerFactory(file=output),
        cache_logger_on_first_use=True,
    )
    root = logging.getLogger()
    root.handlers = [ForeignLines(_LEVELS[level])]
    root.setLevel(max(_LEVELS[level], logging.WARNING))


def logger() -> FilteringBoundLogger:
    """Return the gateway's logger: `logger().warning("event_name", field=value)`."""
    found: FilteringBoundLogger = structlog.get_logger()
    return found


def guard_crashes() -> None:
    """Show an exception that nobody caught, in any thread, like every other: without its text."""
    sys.excepthook = lambda _kind, error, _traceback: logger().error("crashed", exc_info=error)
    threading.excepthook = lambda crash: logger().error("thread_crashed", exc_info=crash.exc_value)


def keep_allowed(_logger: object, _method: str, fields: _Fields) -> _Fields:
    """Keep the fields of the allow-list, cut long values, and let an event be words only."""
    kept = {name: _shown(value) for name, value in fields.items() if name in FIELDS}
    dropped = len(fields) - len(kept)
    if dropped:
        kept["count_dropped"] = dropped
    event = fields.get("event")
    kept["event"] = event if isinstance(event, str) and _EVENT.fullmatch(event) else _UNNAMED
    return kept


def show_exception(_logger: object, _method: str, fields: _Fields) -> _Fields:
    """Turn `exc_info` into type and places, with the hint of an error of ours."""
    raised = fields.pop("exc_info", None)
    error = sys.exc_info()[1] if raised is True else raised
    if isinstance(error, tuple):
        error = error[1]
    if isinstance(error, BaseException):
        fields.update(described(error))
    return fields


def render(_logger: object, _method: str, fields: _Fields) -> bytes:
    """Return one line of JSON."""
    return msgspec.json.encode(fields)


def described(error: BaseException) -> dict[str, Any]:
    """Return what may be logged of an error: its type, its causes' types, places, our own hint.

    The text of an exception is left out: it may repeat a prompt or a key. A ConfigError speaks of
    files of the operator, so its problems are shown.
    """
    kinds: list[str] = []
    cause: BaseException | None = error
    while cause is not None and len(kinds) < CAUSES_MAX:
        kinds.append(type(cause).__name__)
        cause = cause.__cause__ or (None if cause.__suppress_context__ else cause.__context__)
    shown: dict[str, Any] = {"error": " < ".join(kinds), "frames": _frames(error.__traceback__)}
    if isinstance(error, GatewayError):
        shown |= {"code": error.code, "hint": error.hint}
    if isinstance(error, ConfigError):
        shown["problems"] = [str(problem) for problem in error.problems]
    return shown


class Output:
    """Where lines go. One that cannot be written is lost; it must not end a request."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream

    def write(self, line: bytes) -> None:
        """Write bytes, or lose them."""
        with suppress(OSError, ValueError):
            self._stream.write(line)

    def flush(self) -> None:
        """Flush, or not."""
        with suppress(OSError, ValueError):
            self._stream.flush()


class ForeignLines(logging.Handler):
    """Takes the lines of libraries: where they come from, not what they say."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write one line about a foreign record."""
        name = record.levelname.lower()
        fields: dict[str, Any] = {
            "logger": record.name,
            "where": f"{record.module}:{record.lineno}",
        }
        if record.exc_info and record.exc_info[1] is not None:
            fields |= described(record.exc_info[1])
        write = getattr(logger(), name if name in _LEVELS else "error")
        write(_FOREIGN, **fields)


def _shown(value: object) -> object:
    """Return a plain value of bounded size; anything else as the name of its type."""
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, str):
        return str(value)[:VALUE_CHARS_MAX]
    if isinstance(value, list | tuple | set | frozenset):
        return [_shown(item) for item in list(value)[:LIST_MAX]]
    return type(value).__name__


def _frames(traceback: TracebackType | None) -> list[str]:
    frames: list[str] = []
    while traceback is not None:
        code = traceback.tb_frame.f_code
        module = traceback.tb_frame.f_globals.get("__name__", "?")
        frames.append(f"{module}:{traceback.tb_lineno} {code.co_name}")
        traceback = traceback.tb_next
    return frames[-FRAMES_MAX:]
