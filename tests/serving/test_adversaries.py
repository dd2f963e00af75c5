"""Adversarial cases against a whole gateway: where a request goes, and how often."""

from typing import Any

import pytest

from gateway.dialects import DIALECTS
from gateway.domain.request import Operation
from gateway.surfaces.surface import SURFACES
from tests.doubles import every_surface as rows
from tests.doubles.every_surface import Row
from tests.doubles.judged import assert_label, posts, recorded
from tests.doubles.raw_http import Field, Heard, ask
from tests.doubles.serving_house import FORMS, House
from tests.doubles.surface_bodies import STREAMED
from tests.doubles.surfaces_asked import EVERY, Served

CANARY = "canary-58-prompt"
FORM = pytest.mark.parametrize("form", FORMS, ids=str)
every_surface = pytest.mark.parametrize("surface", EVERY, ids=str)
ROWS = pytest.mark.parametrize("row", rows.EVERY, ids=str)


def operation(surface: Served) -> Operation:
    return DIALECTS[SURFACES[surface.template].dialect].operation


def bodies(surface: Served, model: str) -> list[dict[str, Any]]:
    """Return its request, whole, and streamed where the body says so."""
    says = SURFACES[surface.template].dialect in STREAMED
    ways = ({"stream": False}, {"stream": True}) if says else ({},)
    return [surface.body(CANARY, model, **way) for way in ways]


@every_surface
def test_adv_37_40_no_failure_at_home_sends_a_restricted_request_out(every: House, surface) -> None:
    model = "vectors" if operation(surface) is Operation.EMBED else "code"
    before = posts(every)
    for behaviour in ("status=500", "garbage"):
        every.engines["home"].behave(behaviour)
        for body in bodies(surface, model):
            heard = surface.named(model).ask(every, repo="payments", body=body)
            assert heard.status in {400, 502, 503}, heard.body
            assert_label(every, heard, "restricted")
    after = posts(every)
    assert after["cloud"] == before["cloud"]
    assert after["home"] > before["home"]


def said(every: House, row: Row, repo: str, stream: bool, *fields: Field) -> Heard:
    """Ask the very same on that surface, whichever label the key has."""
    model = row.models[repo == "payments" and len(row.models) > 1]
    raw = row.raw("the very same question", model, stream)
    return ask(every.url, row.asks(every.gateway.keys[repo], model, raw, stream, fields))


@ROWS
def test_adv_38_39_a_request_is_one_question_to_one_engine(every: House, row: Row) -> None:
    """No leg runs beside it, and nothing of it is sent to a second one."""
    for stream in row.ways:
        before = posts(every)
        heard = said(every, row, "website", stream, ("x-perimeter-mirror", "spare"))
        assert heard.status == 200, heard.body
        after = posts(every)
        (attempt,) = recorded(every, heard)[1]
        asked = {name: after[name] - before[name] for name in after}
        assert asked == dict.fromkeys(after, 0) | {attempt.backend: 1}


@ROWS
def test_adv_44_the_same_question_of_two_labels_is_asked_twice_and_recorded_twice(
    every: House, row: Row
) -> None:
    for stream in row.ways:
        before = posts(every)
        repos = ("website", "payments", "website")
        heard = [said(every, row, repo, stream) for repo in repos]
        after = posts(every)
        assert len({one.record for one in heard}) == len(repos)
        tried = [recorded(every, one)[1] for one in heard]
        assert [len(one) for one in tried] == [1, len(row.models) > 1, 1]
        assert {one.zone for one in tried[1]} <= {"on_prem"}
        assert sum(after.values()) - sum(before.values()) == sum(map(len, tried))


COUNTS = [one for one in EVERY if operation(one) is Operation.COUNT]


@pytest.mark.parametrize("surface", COUNTS, ids=str)
def test_adv_41_a_count_of_a_restricted_prompt_is_made_at_home(every: House, surface) -> None:
    before = posts(every)
    heard = surface.ask(every, repo="payments", body=surface.body(CANARY))
    assert heard.status == 200, heard.body
    assert_label(every, heard, "restricted")
    after = posts(every)
    assert after["cloud"] == before["cloud"]
    assert after["home"] - before["home"] == 1


@FORM
@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
def test_adv_46_one_request_is_one_question_to_one_engine(house: House, form, stream) -> None:
    before = house.prompts()
    assert house.ask(form, form.body(stream=stream), "payments").status == 200
    asked = {name: count - before[name] for name, count in house.prompts().items()}
    assert asked == {"cloud": 0, "home": 1, "spare": 0, "local": 0}


@FORM
@pytest.mark.parametrize("status", [400, 404, 422, 500])
def test_adv_58_what_an_engine_says_of_the_prompt_reaches_no_log_and_no_record(
    house: House, form, status
) -> None:
    house.engines["home"].behave(f"status={status}")
    heard = house.ask(form, form.body(CANARY), "payments")
    assert heard.status in {400, 502, 503}
    house.record(heard.record, "payments")
    assert CANARY not in house.gateway.log.read_text()
    for path in house.gateway.ledger.rglob("*"):
        if path.is_file():
            assert CANARY.encode() not in path.read_bytes()
