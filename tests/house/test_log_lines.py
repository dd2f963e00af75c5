"""What a line of the log has to say: which request it is about, and nothing that is dropped."""

import ast
from collections.abc import Iterator
from pathlib import Path

from gateway.meters.logs import FIELDS

ROOT = Path(__file__).resolve().parents[2]
WRITES = frozenset({"debug", "info", "warning", "error", "exception", "critical", "log"})
# What speaks of requests alone, and the one line elsewhere that does.
OF_REQUESTS = ("gateway/flow/", "gateway/surfaces/")
GRANT_USED = "grant_used"
EVENTS = frozenset(
    {
        "judging_failed", "policy_notifies", "pursuit_failed", "reply_unwritten",
        "settled_unwritten", "stream_failed", GRANT_USED,
    }
)  # fmt: skip
# It is turned into other fields before any is dropped.
TURNED = "exc_info"


def is_log(node: ast.expr) -> bool:
    """Is that `logger()`, or something that is called a log?"""
    if isinstance(node, ast.Call):
        return isinstance(node.func, ast.Name) and node.func.id == "logger"
    name = node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "")
    return name.strip("_") in {"log", "logger"}


def lines(text: str) -> Iterator[ast.Call]:
    """Yield every call that writes a line."""
    for node in ast.walk(ast.parse(text)):
        if (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and node.func.attr in WRITES
            and is_log(node.func.value)
        ):
            yield node


def every_line() -> Iterator[tuple[str, ast.Call]]:
    for path in sorted((ROOT / "gateway").rglob("*.py")):
        name = path.relative_to(ROOT).as_posix()
        yield from ((f"{name}:{call.lineno}", call) for call in lines(path.read_text()))


def event_of(call: ast.Call) -> str:
    first = call.args[0] if call.args else None
    return str(first.value) if isinstance(first, ast.Constant) else ""


def named(call: ast.Call) -> set[str | None]:
    return {one.arg for one in call.keywords}


def test_every_line_about_a_request_names_its_record() -> None:
    about = [
        (where, call)
        for where, call in every_line()
        if where.startswith(OF_REQUESTS) or event_of(call) == GRANT_USED
    ]
    assert {event_of(call) for _, call in about} == EVENTS
    assert [where for where, call in about if "record" not in named(call)] == []


def test_no_field_that_a_line_names_is_dropped() -> None:
    dropped = [
        (where, one)
        for where, call in every_line()
        for one in named(call)
        if one not in {*FIELDS, TURNED}
    ]
    assert dropped == []


def test_a_line_without_a_record_is_seen() -> None:
    text = (
        'logger().error("a")\nself._house.log.warning("b", record=x)\nlog.info("c", y=1)\nf.log(2)'
    )
    assert [(event_of(call), named(call)) for call in lines(text)] == [
        ("a", set()),
        ("b", {"record"}),
        ("c", {"y"}),
    ]
