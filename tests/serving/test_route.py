"""Every surface can be asked where its request would go, and nothing goes anywhere."""

import re

import msgspec
import pytest

from gateway.audit.record import Admin
from gateway.flow.dry_run import ASKED_PER_MINUTE_MAX
from tests.doubles.every_surface import EVERY
from tests.doubles.gateway_folders import Template, command, started
from tests.doubles.ledger_sight import records, verified
from tests.doubles.raw_http import Heard, ask, request
from tests.doubles.serving_house import JSON, House
from tests.serving.conftest import KINDS, TASKS, a_model, backends_of

OFTEN = "often"
ROWS = pytest.mark.parametrize("row", EVERY, ids=str)


@pytest.fixture(scope="module")
def asking(template: Template, engines, tmp_path_factory):
    """A gateway with keys that may ask."""
    gateway = template.copy(tmp_path_factory.mktemp("route"), backends_of(engines), tasks=TASKS)
    catalog = gateway.folder / "models" / "catalog.yaml"
    more = "".join(a_model(name, "vectors", "embeddings") for name in KINDS if name != "spare")
    catalog.write_text(catalog.read_text() + more)
    # WHY: a key asks only so often in a minute.
    for name in (OFTEN, *map(key_of, EVERY)):
        gateway.keys[name] = command(
            "keys", "create", name, "--node", str(gateway.node), "--subject", "ada@example.com",
            "--team", "web", "--may", "explain",
        ).strip()  # fmt: skip
    with started(gateway):
        yield House(gateway, engines)


def key_of(row) -> str:
    return "asks-" + re.sub("[^a-z]", "-", str(row).lower())


def asked(house: House, row, path: str, text: str = "hello", key: str = "") -> Heard:
    told = house.gateway.keys[key or key_of(row)]
    value = f"Bearer {told}" if row.header == "authorization" else told
    raw = row.raw(text, row.models[-1])
    return ask(house.url, request("POST", path, raw, (JSON, (row.header, value))))


@ROWS
def test_every_surface_tells_where_its_request_would_go(asking, row) -> None:
    with asking.nothing_sent():
        heard = asked(asking, row, f"/v1/route{row.at(row.models[-1])}")
    assert heard.status == 200, heard.body
    said = msgspec.json.decode(heard.body)
    assert (said["sent"], said["surface"]) == (False, row.surface)
    assert said["candidates"]
    assert said["decision"]["effect"] == "permit"
    assert {one["zone"] for one in said["candidates"]} <= set(said["decision"]["boundary"])


@ROWS
def test_what_the_path_claims_counts_in_front_of_the_question(asking, row) -> None:
    heard = asked(asking, row, f"/l/restricted/v1/route{row.at(row.models[-1])}")
    assert heard.status == 200, heard.body
    assert msgspec.json.decode(heard.body)["label"] == "restricted"


@ROWS
def test_a_key_that_may_not_ask_is_refused_in_the_clients_form(asking, row) -> None:
    heard = asked(asking, row, f"/v1/route{row.at(row.models[-1])}", key="website")
    assert row.told(heard).kind == row.kind(400)
    assert b"candidates" not in heard.body


def test_alone_the_path_asks_about_a_chat_and_a_path_that_is_no_surface_is_none(asking) -> None:
    (chat, *_) = EVERY
    heard = asked(asking, chat, "/v1/route")
    assert msgspec.json.decode(heard.body)["surface"] == "chat_completions"
    for path in ("/v1/route/nowhere", "/v1/route/", "/v1/routes", "/v1/route/v1/route"):
        assert asked(asking, chat, path).status == 404


def test_questions_are_recorded_and_the_ledger_stays_whole(asking) -> None:
    (chat, *_) = EVERY
    heard = asked(asking, chat, "/v1/route", text="sentinel-of-the-question")
    said = msgspec.json.decode(heard.body)
    (record,) = (one for one in records(asking.gateway) if one.id == said["record"])
    assert isinstance(record, Admin)
    assert (record.what, record.facts["key"]) == ("route_asked", key_of(chat))
    assert b"sentinel" not in msgspec.json.encode(record)
    assert verified(asking.gateway)


def test_who_asks_too_often_has_to_wait(asking) -> None:
    (chat, *_) = EVERY
    heard = [asked(asking, chat, "/v1/route", key=OFTEN) for _ in range(ASKED_PER_MINUTE_MAX + 1)]
    assert {one.status for one in heard[:-1]} == {200}
    assert (heard[-1].status, heard[-1].headers["retry-after"]) == (429, "60")
