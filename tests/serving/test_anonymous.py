"""Callers without a credential, at a gateway whose node file names somebody for them."""

import msgspec
import openai
import pytest

from gateway.audit.record import Decided
from tests.doubles.gateway_folders import NOWHERE, ran, started
from tests.doubles.ledger_sight import decided_count, personal_of, records
from tests.doubles.raw_http import Field, Heard, Line, request
from tests.doubles.serving_house import ANTHROPIC, FORMS, JSON, OPENAI, House
from tests.serving.conftest import TASKS, WAITS, backends_of
from tests.serving.test_callers import NOT_KNOWN

SOMEBODY = (
    ", trusted_proxies: [127.0.0.9/32], anonymous: {subject: desks@example.com, team: desks,"
    " label: confidential, repos: [website], networks: [127.0.0.1/32, 192.0.2.0/24]}"
)
HERE, ELSEWHERE, PROXY = "127.0.0.1", "127.0.0.8", "127.0.0.9"
FORWARDED = "x-forwarded-for"


@pytest.fixture(scope="module")
def open_house(template, engines, tmp_path_factory):
    folder = tmp_path_factory.mktemp("anonymous")
    gateway = template.copy(folder, backends_of(engines), SOMEBODY, WAITS, TASKS)
    with started(gateway):
        yield House(gateway, engines)


def said(house: House, form, *fields: Field, source: str = HERE, path: str = "") -> Heard:
    raw = msgspec.json.encode(form.body("hello", "home-model"))
    with Line(house.url, source) as line:
        line.send(request("POST", path or form.path, raw, (JSON, *fields)))
        return line.hear()


def got(house: House, path: str, *fields: Field, source: str = HERE) -> Heard:
    with Line(house.url, source) as line:
        line.send(request("GET", path, None, fields))
        return line.hear("GET")


@pytest.mark.parametrize("form", FORMS, ids=str)
def test_who_sends_no_credential_is_the_named_caller(open_house, form) -> None:
    heard = said(open_house, form)
    assert heard.status == 200
    found = records(open_house.gateway)
    decided = next(one for one in found if isinstance(one, Decided) and one.id == heard.record)
    assert decided.key_id == "anonymous"
    assert decided.label is not None
    assert decided.label.level.name == "confidential"
    personal = personal_of(open_house.gateway, heard.record)
    assert (personal.subject, personal.address) == ("desks@example.com", HERE)


@pytest.mark.parametrize("form", FORMS, ids=str)
def test_the_label_is_a_floor_whatever_is_claimed(open_house, form) -> None:
    for path in (f"/l/public{form.path}", f"/r/website{form.path}"):
        record = said(open_house, form, ("x-perimeter-label", "public"), path=path).record
        shown = got(open_house, f"/v1/records/{record}").json
        assert shown["label"] == "confidential"
        assert shown["decision"]["boundary"] == ["on_prem"]


def test_the_quiet_routes_are_open_to_the_same_and_to_nobody_else(open_house) -> None:
    assert got(open_house, "/v1/models").status == 200
    assert got(open_house, "/v1/models", source=ELSEWHERE).status == 401
    assert got(open_house, "/v1/models", ("authorization", "Bearer ollama")).status == 401
    assert got(open_house, "/v1/models?key=x").status == 401


@pytest.mark.parametrize("form", FORMS, ids=str)
@pytest.mark.parametrize(
    ("source", "fields"),
    [
        (ELSEWHERE, ()),
        (ELSEWHERE, ((FORWARDED, HERE),)),
        (HERE, ((FORWARDED, HERE),)),
        (HERE, (("via", "1.1 somebody"),)),
        (HERE, (("origin", "http://gateway.test"),)),
        (HERE, (("authorization", "Bearer ollama"),)),
        (HERE, (("authorization", "Bearer EMPTY"),)),
        (HERE, (("authorization", ""),)),
        (HERE, (("x-api-key", ""),)),
        (PROXY, ()),
        (PROXY, ((FORWARDED, "nonsense"),)),
        (PROXY, ((FORWARDED, "198.51.100.1"),)),
        (PROXY, ((FORWARDED, f"{HERE}, 198.51.100.1"),)),
    ],
)
def test_anybody_else_without_a_key_is_nobody(open_house, form, source, fields) -> None:
    counted = open_house.metric("unauthenticated")
    recorded = decided_count(open_house.gateway)
    with open_house.nothing_sent():
        heard = said(open_house, form, *fields, source=source)
    assert heard.status == 401
    assert isinstance(form.error(heard), NOT_KNOWN)
    assert open_house.metric("unauthenticated") == counted + 1
    assert decided_count(open_house.gateway) == recorded


def test_a_listed_proxy_may_tell_of_an_address_that_is_listed(open_house) -> None:
    heard = said(open_house, OPENAI, (FORWARDED, "192.0.2.7"), source=PROXY)
    assert heard.status == 200
    assert personal_of(open_house.gateway, heard.record).address == "192.0.2.7"


def test_a_key_is_its_holder_here_too(open_house) -> None:
    key = open_house.gateway.keys["website"]
    heard = said(open_house, ANTHROPIC, ("x-api-key", key))
    assert got(open_house, f"/v1/records/{heard.record}").status == 404
    assert open_house.get(f"/v1/records/{heard.record}").status == 200


def test_without_such_a_word_nobody_is_anonymous(house) -> None:
    assert said(house, OPENAI).status == 401
    assert isinstance(OPENAI.error(got(house, "/v1/models")), openai.AuthenticationError)


@pytest.mark.parametrize(
    ("old", "new", "place"),
    [
        ("confidential", "confidentail", "/listeners/data/anonymous/label"),
        ("[website]", "[wbesite]", "/listeners/data/anonymous/repos"),
        ("127.0.0.1/32", "0.0.0.0/0", "/listeners/data/anonymous/networks/0"),
        ("192.0.2.0/24", "128.0.0.0/1", "/listeners/data/anonymous/networks/1"),
    ],
)
def test_check_holds_the_anonymous_caller_against_the_policy(
    template, tmp_path, old, new, place
) -> None:
    gateway = template.copy(tmp_path / "node", NOWHERE, SOMEBODY)
    assert ran("check", str(gateway.node)).code == 0
    text = gateway.node.read_text()
    assert old in text
    gateway.node.write_text(text.replace(old, new))
    done = ran("check", str(gateway.node))
    assert (done.code, done.out) == (2, "")
    assert place in done.err
