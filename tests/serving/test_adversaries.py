"""Adversarial cases against a whole gateway, in both forms of its clients."""

import msgspec
import pytest

from tests.doubles.raw_http import Heard, ask, request
from tests.doubles.serving_house import FORMS, JSON, House
from tests.doubles.surface_bodies import Body, asks

CANARY = "canary-58-prompt"
ASKED = asks("code", CANARY)
COUNTING = ("count_tokens", "input_tokens", "bedrock_count", "vertex_count", "gemini_count_tokens")
FORM = pytest.mark.parametrize("form", FORMS, ids=str)


def sent(house: House, path: str, body: Body, repo: str) -> Heard:
    fields = (JSON, ("authorization", f"Bearer {house.gateway.keys[repo]}"))
    return ask(house.url, request("POST", path, msgspec.json.encode(body), fields))


def outside(house: House) -> int:
    """Return how often the engine outside the premises was asked anything but how it is."""
    served = house.engines["cloud"].engine.served
    return sum(count for name, count in served.items() if name.startswith("POST"))


@pytest.mark.parametrize("behaviour", ["status=500", "garbage"])
@pytest.mark.parametrize(
    ("path", "body"), [one[1:] for one in ASKED], ids=[one[0] for one in ASKED]
)
def test_adv_37_no_failure_at_home_sends_a_restricted_request_out_on_any_surface(
    house: House, path: str, body: Body, behaviour: str
) -> None:
    house.engines["home"].behave(behaviour)
    before = outside(house)
    heard = sent(house, path, body, "payments")
    assert heard.status != 200
    assert heard.record
    assert outside(house) == before


@pytest.mark.parametrize(
    ("path", "body"),
    [one[1:] for one in ASKED if one[0].startswith(COUNTING)],
    ids=[one[0] for one in ASKED if one[0].startswith(COUNTING)],
)
def test_adv_41_a_count_of_a_restricted_prompt_is_made_at_home(
    house: House, path: str, body: Body
) -> None:
    before = outside(house)
    heard = sent(house, path, body, "payments")
    assert heard.status == 200
    record = house.record(heard.record, "payments")
    assert {one["zone"] for one in record["attempts"]} == {"on_prem"}
    assert outside(house) == before


@FORM
def test_adv_44_the_same_question_of_two_labels_is_asked_twice_and_recorded_twice(
    house: House, form
) -> None:
    body = form.body("the very same question")
    before = house.prompts()
    public, restricted, again = (
        house.ask(form, body, repo) for repo in ("website", "payments", "website")
    )
    after = house.prompts()
    assert {public.status, restricted.status, again.status} == {200}
    assert len({public.record, restricted.record, again.record}) == 3
    assert sum(after.values()) - sum(before.values()) == 3
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
