"""The benchmark of translated streams leaves no pair out, and fails over its promise."""

import pytest

from gateway.dialects import DIALECTS
from gateway.domain.dialect import Dialect
from gateway.domain.event import TextDelta, ToolCallDelta
from gateway.domain.request import Operation
from tests.bench import translation

STREAMED = [one for one in DIALECTS.values() if one.operation in translation.STREAMED]
PAIRS = {
    (engine.name, client.name)
    for engine in STREAMED
    for client in STREAMED
    if engine.operation is client.operation
}


@pytest.fixture(autouse=True)
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(translation, "EVENTS", 20)
    monkeypatch.setattr(translation, "ROUNDS", 1)
    # WHY: no figure is looked at here, and the heap of a whole test run takes long to walk.
    monkeypatch.setattr(translation.gc, "collect", lambda: 0)


def test_every_pair_is_measured(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(translation, "MICROSECONDS_MAX", float("inf"))
    assert translation.main() == 0
    rows = [line.split() for line in capsys.readouterr().out.splitlines()[2:-1]]
    measured = [(row[0], row[1]) for row in rows if row[1] != "(passed"]
    assert len(measured) == len(PAIRS)
    assert set(measured) == PAIRS
    assert {row[0] for row in rows if row[1] == "(passed"} == {one.name for one in STREAMED}


def test_it_fails_where_a_pair_costs_more_than_is_promised(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(translation, "MICROSECONDS_MAX", 0.0)
    assert translation.main() == 1


def test_the_promise_is_thirty_microseconds() -> None:
    assert translation.MICROSECONDS_MAX == 30.0


@pytest.mark.parametrize("dialect", STREAMED, ids=lambda one: one.name)
def test_what_is_measured_is_a_whole_reply(dialect: Dialect) -> None:
    """Each engine's stream is read to its end, with every word and every argument in it."""
    reader = dialect.reader()
    events = reader.feed(translation.stream_of(dialect))
    assert reader.finished
    asked = translation.talk(dialect.operation)
    for kind, field in ((TextDelta, "text"), (ToolCallDelta, "fragment")):
        said = "".join(getattr(one, field) for one in asked if isinstance(one, kind))
        heard = "".join(getattr(one, field) for one in events if isinstance(one, kind))
        assert heard == said
    assert dialect.operation is Operation.COMPLETE or any(
        isinstance(one, ToolCallDelta) for one in events
    )
