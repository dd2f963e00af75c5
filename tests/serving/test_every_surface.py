"""Whatever an engine answers, each client hears it from each surface in its vendor's form."""

from collections import Counter
from typing import Any

import pytest

from gateway.surfaces.surface import SURFACES
from tests.doubles.every_surface import ASKED, EVERY, Row
from tests.doubles.raw_http import Heard, ask
from tests.doubles.serving_house import House

# What an engine does, the status that its client hears, and how the record calls each try.
ANSWERS = {
    "429": (("status=429", "retry-after=60"), 502, ["rate_limited"]),
    "503": (("status=503", "retry-after=60"), 502, ["overloaded"]),
    "529": (("status=529",), 502, ["overloaded"] * 2),
    "400": (("status=400",), 400, ["rejected"]),
    "401": (("status=401",), 502, ["unreadable"]),
    "404": (("status=404",), 502, ["unreadable"]),
    "500": (("status=500",), 502, ["unreadable"]),
    "307": (("status=307",), 502, ["unreadable"]),
    "html": (("html",), 502, ["unreadable"]),
    "garbage": (("garbage",), 502, ["unreadable"]),
}
APART = 3
STREAMS = [(row, model) for row, model, way in ASKED if way]


def stands_for_others(row: Row, number: int, answer: str) -> bool:
    """Is this one of the ways to ask the surface that `make test` tries with the answer?

    `number` counts the ways of one surface: of three that follow each other, it is one.
    """
    ways = sum(other is row for other, *_ in ASKED)
    return (number - list(ANSWERS).index(answer)) % min(APART, ways) == 0


def cells() -> list[Any]:
    found = []
    seen = Counter[str]()
    for row, model, way in ASKED:
        number = seen[row.name]
        seen[row.name] += 1
        for answer in ANSWERS:
            marks = () if stands_for_others(row, number, answer) else pytest.mark.exhaustive
            name = f"{answer}-{row}-{model}-{'stream' if way else 'whole'}"
            found.append(pytest.param(row, model, way, answer, id=name, marks=marks))
    return found


CELLS = cells()


def said_by(house: House, row: Row, model: str, stream: bool, text: str = "hello") -> Heard:
    raw = row.raw(text, model, stream)
    return ask(house.url, row.asks(house.gateway.keys["website"], model, raw, stream))


def test_the_table_has_every_surface() -> None:
    assert {row.surface for row in EVERY} == {surface.name for surface in SURFACES.values()}


def test_every_surface_is_asked_under_every_answer_by_make_test_too() -> None:
    tried = {(cell.values[0].name, cell.values[3]) for cell in CELLS if not cell.marks}
    assert tried == {(row.name, answer) for row in EVERY for answer in ANSWERS}


@pytest.mark.parametrize(("row", "model", "stream", "answer"), CELLS)
def test_an_error_of_an_engine_is_told_in_the_clients_form(
    every, row, model, stream, answer
) -> None:
    behaviours, status, kinds = ANSWERS[answer]
    every.engines[model.partition("-")[0]].behave(*behaviours)
    heard = said_by(every, row, model, stream)
    told = row.told(heard)
    assert (told.status, told.kind) == (status, row.kind(status)), heard.body
    assert f". Record {heard.record}." in told.said
    assert ("the scripted engine refuses" in told.said) == (status == 400)
    assert told.retry_after == ("60" if "retry-after=60" in behaviours else "")
    record = every.record(heard.record)
    assert (record["surface"], record["decision"]["effect"]) == (row.surface, "permit")
    assert (record["outcome"]["kind"], record["outcome"]["status"]) == ("failed", status)
    tried = [one["failure"] for one in record["outcome"]["tried"]]
    assert tried == kinds
    assert [one["number"] for one in record["attempts"]] == list(range(1, len(tried) + 1))


@pytest.mark.parametrize(("row", "model"), STREAMS, ids=[f"{row}-{m}" for row, m in STREAMS])
def test_a_stream_that_breaks_ends_with_the_clients_own_error(every, row, model) -> None:
    # WHY: what breaks before anybody has heard of it is tried once more, so events come apart.
    heard = said_by(every, row, model, True, "mock:break=4 mock:drip=50 mock:words=30")
    assert heard.status == 200
    assert heard.record in row.broken(heard).said
    record = every.record(heard.record)
    assert (record["outcome"]["kind"], record["outcome"]["status"]) == ("failed", 200)
    assert len(record["attempts"]) == 1
