import io
import logging
import sys
import threading
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
import structlog

from gateway.domain.errors import ConfigError, LedgerUnavailable, Problem
from gateway.meters import logs
from gateway.meters.logs import configure_logs, described, guard_crashes, logger

CANARY = "canary-9f8e7d6c"


class Lines:
    def __init__(self) -> None:
        self.stream = io.BytesIO()

    @property
    def text(self) -> str:
        return self.stream.getvalue().decode()

    @property
    def all(self) -> list[dict[str, Any]]:
        return [msgspec.json.decode(line) for line in self.text.splitlines()]


@pytest.fixture
def lines() -> Iterator[Lines]:
    root = logging.getLogger()
    handlers, level = root.handlers, root.level
    found = Lines()
    configure_logs("info", found.stream)
    yield found
    structlog.reset_defaults()
    root.handlers = handlers
    root.setLevel(level)


def fail(error: BaseException, cause: BaseException | None = None) -> None:
    local = CANARY
    assert local
    raise error from cause


def caught(error: BaseException, cause: BaseException | None = None) -> BaseException:
    with pytest.raises(type(error)) as raised:
        fail(error, cause)
    return raised.value


def test_a_line_is_json_with_time_level_and_event(lines: Lines) -> None:
    logger().info("listening", port=8080, zones=["on_prem"], ready=True, duration_ms=1.5)
    (line,) = lines.all
    assert line.pop("timestamp").endswith("Z")
    assert line == {
        "event": "listening",
        "level": "info",
        "port": 8080,
        "zones": ["on_prem"],
        "ready": True,
        "duration_ms": 1.5,
    }


def test_a_field_that_is_not_on_the_list_is_dropped_and_counted(lines: Lines) -> None:
    logger().warning("settled", prompt=CANARY, body={"a": CANARY}, record="r1")
    (line,) = lines.all
    assert CANARY not in lines.text
    assert (line["record"], line["count_dropped"]) == ("r1", 2)


@pytest.mark.parametrize("event", [f"Prompt was {CANARY}", CANARY + "\n", "", "Upper", "a" * 65])
def test_an_event_that_is_not_a_plain_name_is_not_shown(lines: Lines, event: str) -> None:
    logger().info(event)
    assert lines.all[0]["event"] == "unnamed_event"
    assert CANARY not in lines.text


def test_an_object_is_shown_as_its_type_only(lines: Lines) -> None:
    logger().info(
        "settled", reason={"a": CANARY}, problem=ValueError(CANARY), record=CANARY.encode()
    )
    (line,) = lines.all
    assert (line["reason"], line["problem"], line["record"]) == ("dict", "ValueError", "bytes")
    assert CANARY not in lines.text


def test_long_values_and_lists_are_cut(lines: Lines) -> None:
    logger().info("settled", reason="x" * 10_000, zones=["z"] * 1_000)
    (line,) = lines.all
    assert len(line["reason"]) == logs.VALUE_CHARS_MAX
    assert len(line["zones"]) == logs.LIST_MAX


def test_a_line_stays_one_line(lines: Lines) -> None:
    logger().info("settled", reason='a\nb\r\x1b[31m"}')
    assert lines.text.count("\n") == 1
    assert "\x1b" not in lines.text


def test_a_level_below_the_set_one_is_silent(lines: Lines) -> None:
    logger().debug("started")
    assert lines.text == ""


def test_an_unknown_level_is_refused() -> None:
    with pytest.raises(ValueError, match="debug, info"):
        configure_logs("loud")


def test_an_exception_shows_types_and_places_without_text_or_locals(lines: Lines) -> None:
    error = caught(ValueError(CANARY), KeyError(CANARY))
    logger().error("judging_failed", exc_info=error)
    (line,) = lines.all
    assert line["error"] == "ValueError < KeyError"
    assert line["frames"][-1].endswith(" fail")
    assert all(CANARY not in frame for frame in line["frames"])
    assert CANARY not in lines.text


def test_the_exception_at_hand_is_found(lines: Lines) -> None:
    try:
        fail(ValueError(CANARY))
    except ValueError:
        logger().error("failed", exc_info=True)
        logger().error("failed", exc_info=sys.exc_info())
    logger().error("failed", exc_info=True)
    kinds = [line.get("error") for line in lines.all]
    assert kinds == ["ValueError", "ValueError", None]
    assert CANARY not in lines.text


def test_our_own_errors_show_code_and_hint_but_not_what_the_caller_is_told() -> None:
    error = caught(LedgerUnavailable(CANARY, hint="the disk is full"), OSError(CANARY))
    shown = described(error)
    assert (shown["code"], shown["hint"]) == ("ledger_unavailable", "the disk is full")
    assert CANARY not in str(shown)


def test_problems_of_the_configuration_are_shown() -> None:
    problem = Problem("zones.yaml", 3, "/zones", "unknown key")
    assert described(ConfigError((problem,)))["problems"] == [str(problem)]


def test_a_long_chain_and_a_deep_stack_are_cut() -> None:
    def deep(levels: int) -> None:
        if levels:
            deep(levels - 1)
        raise ValueError("deep")

    error: BaseException = ValueError()
    for _ in range(10):
        error = caught(ValueError(), error)
    assert described(error)["error"].count("ValueError") == logs.CAUSES_MAX
    with pytest.raises(ValueError, match="deep") as raised:
        deep(100)
    assert len(described(raised.value)["frames"]) == logs.FRAMES_MAX


def test_a_context_is_shown_by_its_type_unless_it_was_suppressed() -> None:
    implicit, suppressed = ValueError(), ValueError()
    implicit.__context__ = suppressed.__context__ = KeyError(CANARY)
    suppressed.__suppress_context__ = True
    assert described(implicit)["error"] == "ValueError < KeyError"
    assert described(suppressed)["error"] == "ValueError"


def test_a_foreign_line_shows_its_origin_and_not_its_text(lines: Lines) -> None:
    foreign = logging.getLogger("some.library")
    foreign.warning("GET %s", CANARY)
    foreign.error(CANARY, exc_info=caught(ValueError(CANARY)))
    foreign.critical(CANARY)
    foreign.info(CANARY)
    assert CANARY not in lines.text
    assert [line["level"] for line in lines.all] == ["warning", "error", "error"]
    assert all(line["logger"] == "some.library" for line in lines.all)
    assert lines.all[1]["error"] == "ValueError"


def test_a_crash_in_any_thread_shows_no_text(lines: Lines, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "excepthook", sys.excepthook)
    monkeypatch.setattr(threading, "excepthook", threading.excepthook)
    guard_crashes()
    thread = threading.Thread(target=fail, args=(ValueError(CANARY),))
    thread.start()
    thread.join()
    error = caught(ValueError(CANARY))
    sys.excepthook(type(error), error, error.__traceback__)
    assert [line["event"] for line in lines.all] == ["thread_crashed", "crashed"]
    assert CANARY not in lines.text


def test_a_stream_that_cannot_be_written_ends_no_request(lines: Lines) -> None:
    lines.stream.close()
    logger().error("settled_unwritten", record="r1")


def test_the_standard_error_is_the_default(capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    root = logging.getLogger()
    handlers, level = root.handlers, root.level
    configure_logs("error")
    structlog.get_logger().error("started")
    structlog.reset_defaults()
    root.handlers = handlers
    root.setLevel(level)
    assert b'"event":"started"' in capfdbinary.readouterr().err
