"""The next engine is asked when one fails, and never one outside of the boundary."""

import pytest

from tests.doubles.serving_house import FORMS, Form, House

BEFORE = [
    "status=500",
    "status=429 retry-after=0",
    "status=503 retry-after=0",
    "html",
    "garbage",
    "context",
]
BEFORE_STREAM = ["cut=0", "break=0"]
FORM = pytest.mark.parametrize("form", FORMS, ids=str)


def _said(form: Form, house: House, heard) -> str:
    body = heard.json
    whole = (
        body["choices"][0]["message"]["content"]
        if "choices" in body
        else body["content"][0]["text"]
    )
    return whole.split(":")[0]


@FORM
@pytest.mark.parametrize("behaviour", BEFORE)
def test_another_engine_of_the_route_answers(house, form, behaviour) -> None:
    house.engines["home"].behave(*behaviour.split())
    heard = house.ask(form, form.body(model="pair"))
    assert heard.status == 200, heard.body
    assert _said(form, house, heard) == "spare"
    record = house.record(heard.record)
    assert record["outcome"]["kind"] == "completed"
    assert record["outcome"]["served_by"] == "spare-model@spare"
    assert [one["offering"] for one in record["attempts"]] == [
        "home-model@home",
        "spare-model@spare",
    ]
    assert [one["outcome"] for one in record["outcome"]["tried"]] == ["failed", "completed"]


@FORM
@pytest.mark.parametrize("behaviour", BEFORE + BEFORE_STREAM)
def test_another_engine_streams_when_nothing_was_said_yet(house, form, behaviour) -> None:
    house.engines["home"].behave(*behaviour.split())
    heard = house.ask(form, form.body(model="pair", stream=True))
    assert heard.status == 200
    assert b"spare:" in heard.body
    assert b"home:" not in heard.body
    assert house.record(heard.record)["outcome"]["served_by"] == "spare-model@spare"


@FORM
def test_an_engine_that_does_not_answer_in_time_is_left_for_the_next(house, form) -> None:
    house.engines["home"].behave("hang")
    heard = house.ask(form, form.body(model="shy"))
    assert heard.status == 200
    assert _said(form, house, heard) == "spare"
    tried = house.record(heard.record)["outcome"]["tried"]
    if len(tried) > 1:
        assert tried[0]["failure"] == "timed_out"
        assert tried[0]["offering"] == "spent-0-model@spent-0"


@FORM
@pytest.mark.parametrize("behaviour", ["cut=4", "break=4"])
def test_nobody_else_is_asked_once_something_was_said(house, form, behaviour) -> None:
    house.engines["home"].behave(behaviour, "words=20", "drip=10")
    before = house.prompts()["spare"]
    heard = house.ask(form, form.body(model="pair", stream=True))
    assert b"home:" in heard.body
    assert b"spare:" not in heard.body
    assert house.prompts()["spare"] == before
    assert len(house.record(heard.record)["attempts"]) == 1


@FORM
def test_a_request_that_is_wrong_is_not_tried_elsewhere(house, form) -> None:
    house.engines["home"].behave("status=400")
    before = house.prompts()["spare"]
    assert house.ask(form, form.body(model="pair")).status == 400
    assert house.prompts()["spare"] == before


@FORM
@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("behaviour", BEFORE)
def test_adv_37_restricted_never_falls_back_to_another_zone(house, form, behaviour, stream) -> None:
    house.engines["home"].behave(*behaviour.split())
    before = house.prompts()
    heard = house.ask(form, form.body(stream=stream), "payments")
    assert heard.status in {400, 502}
    after = house.prompts()
    assert after["cloud"] == before["cloud"]
    assert after["home"] > before["home"]
    record = house.record(heard.record, "payments")
    assert record["decision"]["boundary"] == ["on_prem"]
    assert {one["zone"] for one in record["attempts"]} == {"on_prem"}
    assert record["excluded"] == {"cloud-model@cloud": "clearance"}


@FORM
def test_adv_40_restricted_waits_when_its_engine_is_down(house, form) -> None:
    before = house.prompts()
    heard = house.ask(form, form.body(model="down-model"), "payments")
    assert heard.status == 503
    assert house.prompts() == before


@FORM
def test_public_falls_back_within_its_boundary(house, form) -> None:
    house.engines["cloud"].behave("status=500")
    heard = house.ask(form, form.body())
    assert heard.status == 200
    assert _said(form, house, heard) == "home"
    assert [one["zone"] for one in house.record(heard.record)["attempts"]] == [
        "frontier",
        "on_prem",
    ]


@FORM
def test_a_secret_in_the_prompt_stays_home_even_when_home_fails(house, form) -> None:
    house.engines["home"].behave("status=500")
    before = house.prompts()["cloud"]
    heard = house.ask(form, form.body("why does glpat-Zq8vT3mK5pX1wR7nB2cD fail?"))
    assert heard.status == 502
    assert house.prompts()["cloud"] == before
    assert b"glpat" not in heard.body
