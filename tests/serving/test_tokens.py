"""Tokens of an issuer at a running gateway: keys that come, go and stay away, and what is kept."""

import time
from collections.abc import Iterator

import pytest

from gateway.audit.record import Decided
from tests.doubles.gateway_folders import NOWHERE, ran, started
from tests.doubles.issuers import AUDIENCE, ISSUER, Desk, TestIssuer, a_desk
from tests.doubles.ledger_sight import personal_of, records
from tests.doubles.raw_http import Heard, ask, request
from tests.doubles.serving_house import ANTHROPIC, FORMS, OPENAI, House, until
from tests.doubles.surfaces_asked import EVERY
from tests.serving.conftest import TASKS, WAITS, backends_of

ISSUERS = f"""
issuers:
  corp:
    issuer: {ISSUER}
    audience: [{AUDIENCE}]
    jwks: {{{{url: "{{url}}", addresses: [127.0.0.0/8], refresh_s: 1}}}}
    team_from: {{{{claim: team}}}}
    label_from: {{{{claim: groups, words: {{{{pay: restricted, web: public}}}}}}}}
    clearance_from: {{{{claim: groups, words: {{{{pay: restricted, web: internal}}}}}}}}
"""


class TokenHouse(House):
    """A gateway that believes an issuer, and the issuer's desk."""

    def __init__(self, house: House, idp: TestIssuer, desk: Desk) -> None:
        super().__init__(house.gateway, house.engines)
        self.idp = idp
        self.desk = desk

    def token(self, groups: list[str], /, kind: str = "RS256", **changed) -> str:
        fresh = self.idp.claims(int(time.time()))  # noqa: TID251 - judged by the gateway's clock
        return self.idp.token(kind, **{**fresh, "groups": groups, **changed})

    def models(self, token: str) -> int:
        return ask(
            self.url, request("GET", "/v1/models", fields=(OPENAI.key(token),)), "GET"
        ).status

    def sent(self, form, token: str, *fields, body=None) -> Heard:
        self.gateway.keys["token"] = token
        return self.ask(form, body or form.body(), "token", fields)


@pytest.fixture(scope="module")
def tokens(template, engines, tmp_path_factory) -> Iterator[TokenHouse]:
    idp = TestIssuer()
    with a_desk(idp.jwks()) as desk:
        more = WAITS + ISSUERS.format(url=desk.url)
        folder = tmp_path_factory.mktemp("tokens")
        gateway = template.copy(folder, backends_of(engines), more=more, tasks=TASKS)
        with started(gateway):
            house = TokenHouse(House(gateway, engines), idp, desk)
            until(lambda: house.models(house.token(["web"])) == 200, "the keys are there")
            yield house


@pytest.mark.parametrize("form", FORMS, ids=str)
@pytest.mark.parametrize("kind", ["RS256", "ES256", "EdDSA"])
def test_a_token_is_answered_within_its_label_and_clearance(tokens, form, kind) -> None:
    heard = tokens.sent(form, tokens.token(["pay"], kind))
    assert heard.status == 200
    record = tokens.record(heard.record, "token")
    assert (record["label"], record["outcome"]["zone"]) == ("restricted", "on_prem")
    decided = next(
        one
        for one in records(tokens.gateway)
        if isinstance(one, Decided) and one.id == heard.record
    )
    assert (decided.key_id, decided.known_by) == ("oidc:corp", "oidc")
    assert decided.allowance.clearances == ("restricted",)
    assert personal_of(tokens.gateway, heard.record).subject == "ada@example.com"


@pytest.mark.parametrize("surface", EVERY, ids=str)
def test_a_token_is_known_on_every_surface(tokens, surface) -> None:
    tokens.gateway.keys["token"] = tokens.token(["pay"])
    heard = surface.ask(tokens, repo="token")
    assert heard.record, heard.body
    decided = next(
        one
        for one in records(tokens.gateway)
        if isinstance(one, Decided) and one.id == heard.record
    )
    assert (decided.key_id, str(decided.label)) == ("oidc:corp", "restricted")
    tokens.gateway.keys["token"] = tokens.token(["pay"], aud="else")
    with tokens.nothing_sent():
        assert surface.ask(tokens, repo="token").status == 401


@pytest.mark.parametrize("form", FORMS, ids=str)
def test_a_label_above_the_clearance_is_refused_and_recorded(tokens, form) -> None:
    with tokens.nothing_sent():
        raised = ("x-perimeter-label", "restricted")
        heard = tokens.sent(form, tokens.token(["web"]), raised)
    assert heard.status == 400
    assert "not cleared" in heard.body.decode()
    record = tokens.record(heard.record, "token")
    assert record["decision"]["reason"] == "above_clearance"
    assert record["decision"]["boundary"] == []


@pytest.mark.parametrize("form", FORMS, ids=str)
def test_a_token_that_is_wrong_is_nobodys(tokens, form) -> None:
    with tokens.nothing_sent():
        for changed in ({"aud": "else"}, {"iss": "else"}, {"exp": 1}, {"groups": ["none"]}):
            heard = tokens.sent(form, tokens.token(["web"], **changed))
            assert heard.status == 401
            assert not heard.record
        assert tokens.sent(form, TestIssuer("RS256").token()).status == 401


def test_a_record_is_its_own_persons_among_all_of_the_issuer(tokens) -> None:
    heard = tokens.sent(ANTHROPIC, tokens.token(["web"]))
    assert tokens.record(heard.record, "token")
    tokens.gateway.keys["token"] = tokens.token(["web"], sub="eve@example.com")
    assert tokens.get(f"/v1/records/{heard.record}", "token").status == 404


def test_keys_rotate_without_a_restart_and_an_outage_changes_nothing(tokens) -> None:
    old = tokens.token(["web"], "ES256")
    fresh = TestIssuer("ES256")
    kid = "fresh"
    fresh.keys = {kid: next(iter(fresh.keys.values()))}
    key = fresh.keys[kid][1]
    new = tokens.token(["web"], "ES256", kid=kid, key=key)
    assert tokens.models(new) == 401
    tokens.desk.body = tokens.idp.jwks(fresh.jwk(kid))
    until(lambda: tokens.models(new) == 200, "the new key is known")
    assert tokens.models(old) == 200
    tokens.desk.status = 500
    asked = len(tokens.desk.heard)
    until(lambda: len(tokens.desk.heard) > asked + 1, "the desk is asked again")
    assert tokens.models(new) == 200
    tokens.desk.status = 200
    assert tokens.metric("issuer_key_fetches") > 1


def test_questions_for_keys_carry_nothing_of_a_request(tokens) -> None:
    tokens.sent(OPENAI, tokens.token(["web"]), body=OPENAI.body(text="canary-of-a-prompt"))
    heard = b"".join(tokens.desk.heard).lower()
    assert b"canary" not in heard
    assert b"authorization" not in heard
    assert set(heard.split(b"\n")[0].split()) == {b"get", b"/certs", b"http/1.1"}


WRONG = {
    "issuer": ("issuer: x", "audience: [a]", "jwks: {file: a, url: 'https://a/b'}", "team: t"),
    "url": ("issuer: x", "audience: [a]", "jwks: {url: 'http://idp.test/x'}", "team: t"),
    "team": ("issuer: x", "audience: [a]", "jwks: {file: a}"),
    "label": ("issuer: x", "audience: [a]", "jwks: {file: a}", "team: t", "label: nonsense"),
    "zones": ("issuer: x", "audience: [a]", "jwks: {file: a}", "team: t", "zones: [moon]"),
    "algorithms": ("issuer: x", "audience: [a]", "jwks: {file: a}", "team: t", "algorithms: [x]"),
    "pins": ("issuer: x", "audience: [a]", "jwks: {url: 'https://a/b', addresses: [x]}", "team: t"),
    "clearances": (
        "issuer: x", "audience: [a]", "jwks: {file: a}", "team: t",
        "clearance: internal", "clearance_from: {claim: c}",
    ),
    "words": (
        "issuer: x", "audience: [a]", "jwks: {file: a}", "team: t",
        "clearance_from: {claim: c, words: {x: nonsense}}",
    ),
}  # fmt: skip


@pytest.mark.parametrize("lines", WRONG.values(), ids=WRONG.keys())
def test_an_issuer_that_is_wrong_is_told_with_its_line(template, tmp_path, lines) -> None:
    more = "issuers:\n  corp:\n" + "".join(f"    {line}\n" for line in lines)
    gateway = template.copy(tmp_path / "node", NOWHERE, more=more)
    done = ran("check", str(gateway.node))
    assert done.code == 2
    assert "/issuers/corp" in done.err


def test_two_of_one_issuer_are_one_too_many(template, tmp_path) -> None:
    one = "issuer: x, audience: [a], jwks: {file: a}, team: t"
    more = f"issuers:\n  corp: {{{one}}}\n  other: {{{one}}}\n"
    gateway = template.copy(tmp_path / "node", NOWHERE, more=more)
    assert "is that of `corp`" in ran("check", str(gateway.node)).err


def test_a_check_says_whom_the_gateway_asks_for_keys(template, tmp_path) -> None:
    jwks = "{url: 'https://idp.test/certs'}"
    more = f"issuers:\n  corp: {{issuer: x, audience: [a], jwks: {jwks}, team: t}}\n"
    gateway = template.copy(tmp_path / "node", NOWHERE, more=more)
    done = ran("check", str(gateway.node))
    assert done.code == 0, done.err
    assert "egress issuer corp: https://idp.test/certs for its keys" in done.out


def test_keys_in_a_file_need_no_host(template, engines, tmp_path) -> None:
    idp = TestIssuer("EdDSA")
    folder = tmp_path / "own"
    more = WAITS + ISSUERS.format(url="").replace(
        'url: "", addresses: [127.0.0.0/8]', "file: idp.json"
    )
    gateway = template.copy(folder, backends_of(engines), more=more, tasks=TASKS)
    (folder / "idp.json").write_bytes(b"{")
    with a_desk(b"") as desk, started(gateway):
        house = TokenHouse(House(gateway, engines), idp, desk)
        token = house.token(["web"], "EdDSA")
        assert house.models(token) == 401
        (folder / "idp.json").write_bytes(idp.jwks())
        until(lambda: house.models(token) == 200, "the file is read")
        assert desk.heard == []
