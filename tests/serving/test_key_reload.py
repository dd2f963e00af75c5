"""Changes of the key file take effect in a running gateway within a second."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from gateway.audit.record import Admin
from tests.doubles.gateway_folders import command, started
from tests.doubles.ledger_sight import records
from tests.doubles.raw_http import ask, request
from tests.doubles.serving_house import FORMS, OPENAI, House
from tests.serving.conftest import TASKS, WAITS, backends_of

EFFECT_S_MAX = 1.0
ANSWER_S_MAX = 20.0


@pytest.fixture
def own(template, engines, tmp_path) -> Iterator[House]:
    gateway = template.copy(tmp_path / "own", backends_of(engines), more=WAITS, tasks=TASKS)
    with started(gateway):
        yield House(gateway, engines)


def keys(house: House, *words: str) -> str:
    return command("keys", *words, "--node", str(house.gateway.node)).strip()


def status(house: House, key: str) -> int:
    raw = request("GET", "/v1/models", fields=(OPENAI.key(key),))
    return ask(house.url, raw, "GET").status


def within_a_second(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + EFFECT_S_MAX
    while not condition():
        assert time.monotonic() < end, "not within a second"
        time.sleep(0.01)


def create(house: House, *more: str) -> str:
    words = ("--subject", "n@example.com", "--team", "new", "--repo", "website", *more)
    return keys(house, "create", "new", *words)


def test_keys_come_rotate_and_go_while_the_gateway_runs(own) -> None:
    first = create(own)
    within_a_second(lambda: status(own, first) == 200)
    second = keys(own, "rotate", "new", "--overlap", "1h")
    within_a_second(lambda: status(own, second) == 200)
    assert status(own, first) == 200
    keys(own, "revoke", "new")
    within_a_second(lambda: status(own, second) == 401)
    assert status(own, first) == 401
    told = [one for one in records(own.gateway) if isinstance(one, Admin)]
    assert [one.facts["changed"] for one in told if one.what == "keys_loaded"] == [0, 1, 1]


@pytest.mark.parametrize(
    "text", ["version: 1\nkeys: [", "", "version: 1\nkeys: {web: {subject: x}}\n"]
)
def test_a_bad_key_file_leaves_the_last_good_one_in_use_and_alarms(own, text) -> None:
    file = own.gateway.folder / "keys.yaml"
    good = file.read_text()
    key = own.gateway.keys["website"]
    file.write_text(text)
    within_a_second(lambda: own.metric("keys_stale") == 1)
    assert status(own, key) == 200
    file.write_text(good)
    within_a_second(lambda: own.metric("keys_stale") == 0)
    assert status(own, key) == 200
    fresh = create(own)
    within_a_second(lambda: status(own, fresh) == 200)
    assert own.metric("keys_stale") == 0


def test_a_key_file_that_binds_what_nothing_defines_is_not_used(own) -> None:
    file = own.gateway.folder / "keys.yaml"
    file.write_text(file.read_text().replace('"website"', '"no-such-repo"'))
    within_a_second(lambda: own.metric("keys_stale") == 1)
    assert status(own, own.gateway.keys["website"]) == 200
    assert "no such repository" in own.gateway.log.read_text()


@pytest.mark.parametrize("form", FORMS, ids=str)
def test_a_key_keeps_its_requests_in_its_zones_and_to_its_names(own, form) -> None:
    key = create(own, "--zone", "on_prem", "--task", "code", "--task", "cloud-model")
    within_a_second(lambda: status(own, key) == 200)

    def sent(model: str):
        own.gateway.keys["new"] = key
        return own.ask(form, form.body(model=model), "new")

    heard = sent("code")
    assert heard.status == 200
    record = own.record(heard.record, "new")
    assert record["outcome"]["zone"] == "on_prem"
    assert record["decision"]["boundary"] == ["on_prem"]
    assert record["excluded"]["cloud-model@cloud"] == "key_zone"
    with own.nothing_sent():
        for model, reason in (("cloud-model", "key_zone"), ("home-model", "not_allowed")):
            heard = sent(model)
            assert heard.status == 400
            assert set(own.record(heard.record, "new")["excluded"].values()) == {reason}


def test_lists_of_models_show_what_the_key_may_ask_for(own) -> None:
    own.gateway.keys["new"] = create(own, "--task", "code", "--task", "home-model")
    within_a_second(lambda: status(own, own.gateway.keys["new"]) == 200)
    listed = own.get("/v1/models", "new").json["data"]
    assert {one["id"] for one in listed} == {"code", "pair", "home-model"}
    tags = own.get("/api/tags", "new").json["models"]
    assert {one["name"].removesuffix(":latest") for one in tags} == {"code", "pair", "home-model"}
    assert len(own.get("/v1/models").json["data"]) > len(listed)


@pytest.mark.parametrize("revoked", [False, True], ids=["kept", "revoked"])
def test_a_key_that_is_revoked_while_its_request_is_under_way_gets_no_further_try(
    own, revoked
) -> None:
    own.engines["home"].behave("hang")
    own.gateway.keys["new"] = create(own)
    within_a_second(lambda: status(own, own.gateway.keys["new"]) == 200)
    before = own.prompts()
    with ThreadPoolExecutor(1) as other:
        asked = other.submit(own.ask, OPENAI, OPENAI.body(model="shy"), "new")
        within_a_second(lambda: own.prompts()["home"] > before["home"])
        if revoked:
            keys(own, "revoke", "new")
        heard = asked.result(ANSWER_S_MAX)
    assert heard.status == (504 if revoked else 200)
    assert own.prompts()["spare"] - before["spare"] == (0 if revoked else 1)
