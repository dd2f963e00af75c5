"""The fleet, the facts of its zones and the node file while the gateway runs."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.doubles.gateway_folders import started
from tests.doubles.ledger_sight import verified
from tests.doubles.raw_http import ask, request
from tests.doubles.serving_house import FORMS, OPENAI, House, until
from tests.serving.conftest import TASKS, backends_of
from tests.serving.test_approvals import TIGHTER, denied, furnished, notices, served_by, told

CLOUD, HOME = OPENAI.body(model="cloud-model"), OPENAI.body(model="home-model")
IN_EU = (("x-perimeter-label", "internal@EU"),)
INTERNAL = (("x-perimeter-label", "internal"),)
Change = tuple[str, str, str]


@pytest.fixture(scope="module")
def moving(template, engines, tmp_path_factory) -> Iterator[House]:
    """A gateway whose files are its own; each test leaves them as they were."""
    folder = tmp_path_factory.mktemp("moving") / "node"
    gateway = furnished(template.copy(folder, backends_of(engines), tasks=TASKS))
    with started(gateway):
        yield House(gateway, engines)


def write(path: Path, text: str) -> None:
    """Write the file as an editor does: at once."""
    fresh = path.with_name(f".{path.name}.new")
    fresh.write_text(text)
    fresh.rename(path)


@contextmanager
def changed(house: House, *changes: Change) -> Iterator[None]:
    """Change files of the node, and put them back: a name, what it holds, what instead."""
    before = {name: house.gateway.folder.joinpath(name).read_text() for name, _, _ in changes}
    first, after = in_force(house), dict(before)
    for name, old, new in changes:
        assert old in after[name], (old, after[name])
        after[name] = after[name].replace(old, new)
    for name, text in after.items():
        write(house.gateway.folder / name, text)
    try:
        yield
    finally:
        for name, text in before.items():
            write(house.gateway.folder / name, text)
        until(lambda: in_force(house) == first and not notices(house), "as it was")


def in_force(house: House) -> tuple[Any, ...]:
    """Return what the ledger says is in force, and whether it is what the files say."""
    facts = told(house, "policy_loaded")[-1]
    return facts["policy"], facts["catalogue"], house.metric("policy_current")


def gone(house: House) -> bool:
    return house.ask(OPENAI, CLOUD).status == 404


LEAVING: tuple[Change, ...] = (
    ("models/catalog.yaml", "cloud-model:", "stranger-model:"),
    ("models/tasks.yaml", "cloud-model, ", ""),
)


def test_a_backend_that_moves_is_reached_where_it_is_now(moving) -> None:
    house = moving
    assert house.ask(OPENAI, HOME).status == 200
    before, first = house.prompts()["spare"], in_force(house)
    urls = {name: house.engines[name].url for name in ("home", "spare")}
    with changed(house, ("models/backends.yaml", urls["home"], urls["spare"])):

        def moved() -> bool:
            return house.ask(OPENAI, HOME).status == 200 and house.prompts()["spare"] > before

        until(moved, "it is probed there")
        left = house.prompts()["home"]
        assert [house.ask(OPENAI, HOME).status for _ in range(3)] == [200] * 3
        assert house.prompts()["home"] == left
        now = in_force(house)
    assert (first[0], first[1] == now[1], now[2]) == (now[0], False, 1)
    assert verified(house.gateway).reason == ""


def test_what_leaves_the_catalogue_is_not_asked_any_more_and_may_come_back(moving) -> None:
    house = moving
    assert served_by(house) == "cloud-model@cloud"
    with changed(house, *LEAVING):
        until(lambda: gone(house), "it is gone")
        assert served_by(house) == "home-model@home"
        assert house.metric("policy_current") == 1
    until(lambda: house.ask(OPENAI, CLOUD).status == 200, "it is back")
    assert served_by(house) == "cloud-model@cloud"


def test_prices_are_those_of_the_files(moving) -> None:
    house = moving

    def cost() -> int:
        return house.record(house.ask(OPENAI, CLOUD).record)["outcome"]["cost_microusd"]

    before = cost()
    with changed(house, ("models/catalog.yaml", 'input: "2"', 'input: "2000"')):
        until(lambda: cost() > 10 * before, "another price")


NARROWER: dict[str, tuple[Change, dict[str, Any], Any]] = {
    "level": (
        ("policy/zones.yaml", "    level: internal\n", "    level: public\n"),
        CLOUD,
        INTERNAL,
    ),
    "regions": (("policy/zones.yaml", "_regions: DE", "_regions: US"), HOME, IN_EU),
    "retention": (
        ("policy/zones.yaml", "    retention_days: 30\n", "    retention_days: 31\n"),
        CLOUD,
        None,
    ),
}


@pytest.mark.parametrize("name", NARROWER)
def test_a_zone_whose_facts_get_narrower_is_left_at_once(moving, name) -> None:
    house = moving
    change, body, fields = NARROWER[name]
    assert house.ask(OPENAI, body, fields=fields or ()).status == 200
    first = in_force(house)
    with changed(house, change):
        until(lambda: in_force(house)[0] != first[0], "other facts")
        if fields is not None:
            until(lambda: house.ask(OPENAI, body, fields=fields).status == 400, "it is left")
        assert house.metric("policy_current") == 1
    until(lambda: house.ask(OPENAI, body, fields=fields or ()).status == 200, "it may again")


def test_a_stream_that_is_under_way_ends_as_it_began(moving) -> None:
    house = moving
    for form in FORMS:
        body = form.body("mock:drip=30 mock:words=150", "cloud-model", stream=True)
        with house.line() as line:
            line.send(house.request(form, body))
            status, fields = line.head()
            assert status == 200
            chunks = line.chunks()
            next(chunks)
            kind = ("models/backends.yaml", "kind: scripted", "kind: vllm")
            with changed(house, *LEAVING, kind):
                until(lambda: gone(house), "it is gone")
                rest = b"".join(chunks)
        assert b"[DONE]" in rest or b"message_stop" in rest
        assert house.record(fields["x-perimeter-record"])["outcome"]["kind"] == "completed"
        until(lambda: house.ask(OPENAI, CLOUD).status == 200, "it is back")


BAD: dict[str, Change] = {
    "a kind that nobody knows": ("models/backends.yaml", "kind: vllm", "kind: vvllm"),
    "a zone that nobody knows": ("models/backends.yaml", "zone: on_prem", "zone: nowhere"),
    "half a file": ("models/catalog.yaml", "price: {", "price: {{"),
    "a CA that is not there": (
        "models/backends.yaml",
        "kind: vllm",
        "ca_file: gone.pem\n    kind: vllm",
    ),
    "other words of labels": ("policy/policy.yaml", "caveats: [pii", "caveats: [another, pii"),
}


@pytest.mark.parametrize("name", BAD)
def test_adv_67_a_bad_fleet_is_not_taken_and_the_last_good_one_stays(moving, name) -> None:
    house = moving
    rejected, taken = len(told(house, "policy_rejected")), len(told(house, "policy_loaded"))
    with changed(house, BAD[name]):
        until(lambda: house.metric("policy_current") == 0, "a rejection")
        ready = ask(house.gateway.admin, request("GET", "/readyz"), "GET")
        assert ready.status == 200
        assert "the last good policy stays" in ready.json["notices"][0]
        assert served_by(house) == "cloud-model@cloud"
        assert told(house, "policy_rejected")[rejected]["problems"] >= 1
        assert len(told(house, "policy_loaded")) == taken


def test_a_node_file_that_changes_is_told_and_keeps_no_policy_back(moving) -> None:
    house = moving
    before = len(told(house, "config_drift"))
    status: Change = ("perimeter.yaml", "paths: {", "refusal_status: 403\npaths: {")
    with changed(house, status):
        until(lambda: house.metric("config_drift") == 1, "a drift")
        (notice,) = notices(house)
        assert notice.startswith("perimeter.yaml changed (refusal_status): it takes effect with")
        assert house.metric("policy_current") == 1
        path = house.gateway.folder / "policy" / "policy.yaml"
        policy = path.read_text()
        write(path, policy + TIGHTER)
        until(lambda: denied(house), "the new policy")
        assert house.ask(OPENAI, CLOUD).status == 400
        write(path, policy)
        write(house.gateway.node, "origin: [")
        until(lambda: "cannot be used" in "".join(notices(house)), "a file that is broken")
        until(lambda: not denied(house), "the old policy")
    assert house.metric("config_drift") == 0
    facts = told(house, "config_drift")[before:]
    assert [one["changed"] for one in facts] == [["refusal_status"], [], []]
    assert [bool(one["problems"]) for one in facts] == [False, True, False]
    assert verified(house.gateway).reason == ""
