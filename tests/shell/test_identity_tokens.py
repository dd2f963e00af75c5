"""Tokens of an issuer: proven, of now, for us; whatever is not is nobody's, in one sentence."""

import base64
import hashlib
import hmac
from datetime import UTC, datetime, timedelta

import jwt
import msgspec
import pytest

from gateway.domain.caller import Allowance, Caller
from gateway.domain.errors import Unauthenticated
from gateway.identity.access_keys import AccessKeys
from gateway.identity.callers import Callers
from gateway.identity.issuers import ClaimSource, Issuer, Issuers
from gateway.identity.jwks import ALGORITHMS, JwksError, read_jwks
from gateway.identity.keys import HeldKeys, KeyEntry, KeyRing, new_key
from gateway.identity.token import LEEWAY_S, TOKEN_CHARS_MAX, Expected
from tests.doubles.issuers import AUDIENCE, ISSUER, NOW_S, TestIssuer
from tests.doubles.signers import ROOT, sent

URL = "http://gateway.test/v1/messages"
NOW = datetime.fromtimestamp(NOW_S, UTC)
IDP = TestIssuer()
OTHER = TestIssuer()
KEY, DIGEST = new_key("ann", bytes(32))
RING = HeldKeys(KeyRing({"ann": KeyEntry("ann", "payments", DIGEST)}))


def an_issuer(**changed) -> Issuer:
    fields = {
        "name": "corp",
        "expected": Expected(ISSUER, (AUDIENCE, "other"), ALGORITHMS),
        "stale": timedelta(hours=1),
        "team_from": ClaimSource("team"),
        **changed,
    }
    return Issuer(**fields)


def a_house(idp: TestIssuer = IDP, **changed) -> tuple[Callers, Issuers, list[str]]:
    asked: list[str] = []
    issuers = Issuers((an_issuer(**changed),), asked.append)
    issuers.hold("corp", read_jwks(idp.jwks()), NOW)
    return Callers(RING, AccessKeys(RING, ROOT), None, issuers), issuers, asked


def meet(token: str, house: Callers | None = None, now: datetime = NOW, **more: str) -> Caller:
    fields = [("authorization", f"Bearer {token}".encode())]
    fields += [(name.replace("_", "-"), value.encode()) for name, value in more.items()]
    met = (house or a_house()[0]).meet(sent(fields, URL), now)
    assert isinstance(met, Caller)
    return met


def assert_nobody(token: str, house: Callers | None = None, now: datetime = NOW, **more) -> None:
    with pytest.raises(Unauthenticated) as caught:
        meet(token, house, now, **more)
    assert str(caught.value) == "The API key is missing or cannot be used."
    assert caught.value.__cause__ is None


@pytest.mark.parametrize("kind", ALGORITHMS)
def test_a_proven_token_names_its_holder(kind) -> None:
    assert meet(IDP.token(kind)) == Caller(
        "oidc:corp", "ada@example.com", "payments", known_by="oidc"
    )


def test_a_token_is_taken_from_every_header_of_a_key_and_once() -> None:
    token = IDP.token()
    house = a_house()[0]
    for name in ("x-api-key", "api-key", "x-goog-api-key"):
        met = house.meet(sent([(name, token.encode())], URL), NOW)
        assert isinstance(met, Caller)
    assert meet(token, x_api_key=token).subject == "ada@example.com"
    assert_nobody(token, x_api_key=IDP.token("ES256"))
    assert_nobody(token, x_api_key=KEY.reveal())


def test_a_key_stays_a_key_where_tokens_are_believed() -> None:
    met = a_house()[0].meet(sent([("x-api-key", KEY.reveal().encode())], URL), NOW)
    assert met == RING.now().callers[0]


def test_without_an_issuer_a_token_is_nobodys() -> None:
    assert_nobody(IDP.token(), Callers(RING, AccessKeys(RING, ROOT)))


WRONG = {
    "no issuer": {"iss": None},
    "another issuer": {"iss": ISSUER + "/"},
    "no audience": {"aud": None},
    "another audience": {"aud": "else"},
    "an empty list of audiences": {"aud": []},
    "too many audiences": {"aud": [*["x"] * 32, AUDIENCE]},
    "no end": {"exp": None},
    "an end that is no number": {"exp": str(NOW_S + 60)},
    "an end that is true": {"exp": True},
    "expired": {"exp": NOW_S - LEEWAY_S},
    "not yet": {"nbf": NOW_S + LEEWAY_S + 1},
    "a beginning that is no number": {"nbf": "x"},
    "made in the future": {"iat": NOW_S + LEEWAY_S + 1},
    "no subject": {"sub": None},
    "a subject that is no text": {"sub": ["a", "b"]},
    "a subject that cannot be printed": {"sub": "a\nb"},
    "an empty subject": {"sub": ""},
    "a long subject": {"sub": "a" * 257},
    "no team": {"team": None},
    "two teams": {"team": ["a", "b"]},
    "a kid of another key": {"kid": IDP.kid("ES256")},
    "no kid, and an algorithm of another key": {"header": {"kid": None}, "key": "x" * 32},
    "another kind of token": {"header": {"typ": "dpop+jwt"}},
    "a critical extension": {"header": {"crit": ["exp"]}},
    "a payload of its own": {"header": {"b64": False}},
    "compressed": {"header": {"zip": "DEF"}},
}


def _wrong(changed) -> str:
    changed = dict(changed)
    if changed.get("key") == "x" * 32:
        changed |= {"key": OTHER.keys[OTHER.kid("RS256")][1]}
    if "b64" in changed.get("header", {}):
        token = IDP.token()
        head = base64.urlsafe_b64encode(b'{"alg":"RS256","kid":"rs256-0","b64":false}')
        return head.rstrip(b"=").decode() + token[token.index(".") :]
    # WHY: the library that makes tokens checks some claims itself; what is signed is ours.
    claims = {**IDP.claims(), **{k: v for k, v in changed.items() if k not in CONTROL}}
    payload = msgspec.json.encode({name: one for name, one in claims.items() if one is not None})
    header = {"kid": changed.get("kid", IDP.kid("RS256")), **changed.get("header", {})}
    return jwt.PyJWS().encode(
        payload,
        changed.get("key") or IDP.keys[IDP.kid("RS256")][1],
        algorithm="RS256",
        headers={name: one for name, one in header.items() if one is not None},
    )


CONTROL = frozenset({"key", "header", "kid"})


@pytest.mark.parametrize("changed", WRONG.values(), ids=WRONG.keys())
def test_a_token_that_is_not_right_in_everything_is_nobodys(changed) -> None:
    assert meet(_wrong({})).subject == "ada@example.com"
    assert_nobody(_wrong(changed))


def test_the_clock_may_differ_a_little() -> None:
    soon, late = {"nbf": NOW_S + LEEWAY_S}, {"exp": NOW_S - LEEWAY_S + 1}
    for changed in (soon, late, {"aud": ["x", AUDIENCE]}):
        assert meet(_wrong(changed)).team == "payments"


def _b64(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode()


def test_a_token_without_a_signature_is_nobodys() -> None:
    payload = _b64(msgspec.json.encode(IDP.claims()))
    for algorithm in ("none", "None", "NONE", ""):
        head = _b64(msgspec.json.encode({"alg": algorithm, "kid": IDP.kid("RS256")}))
        for signature in ("", "x", IDP.token().rpartition(".")[2]):
            assert_nobody(f"{head}.{payload}.{signature}")


@pytest.mark.parametrize("kind", ["RS256", "ES256"])
def test_a_public_key_is_no_secret_to_sign_with(kind) -> None:
    kid = IDP.kid(kind)
    secrets = (IDP.public_pem(kid), msgspec.json.encode(IDP.jwk(kid)))
    for algorithm in ("HS256", kind):
        head = _b64(msgspec.json.encode({"alg": algorithm, "kid": kid}))
        signed = f"{head}.{_b64(msgspec.json.encode(IDP.claims()))}"
        for secret in secrets:
            mac = hmac.new(secret, signed.encode(), hashlib.sha256).digest()
            assert_nobody(f"{signed}.{_b64(mac)}")


def test_a_key_in_the_token_is_not_believed() -> None:
    stranger = OTHER.kid("RS256")
    header = {
        "jwk": OTHER.jwk(stranger),
        "jku": "https://evil.test/keys",
        "x5u": "https://evil.test/cert",
        "kid": stranger,
    }
    assert_nobody(OTHER.token(header=header))
    assert_nobody(OTHER.token(header={**header, "kid": IDP.kid("RS256")}))


def test_an_algorithm_that_the_node_file_does_not_list_is_refused() -> None:
    expected = Expected(ISSUER, (AUDIENCE,), ("ES256",))
    house = a_house(expected=expected)[0]
    assert meet(IDP.token("ES256"), house).team == "payments"
    for kind in ("RS256", "EdDSA"):
        assert_nobody(IDP.token(kind), house)


@pytest.mark.parametrize("algorithm", ["RS384", "RS512", "PS256"])
def test_another_algorithm_of_the_same_key_is_refused(algorithm) -> None:
    assert_nobody(IDP.token("RS256", algorithm=algorithm))


def test_a_token_that_is_changed_or_too_large_is_nobodys() -> None:
    token = IDP.token()
    head, payload, signature = token.split(".")
    other = _b64(msgspec.json.encode({**IDP.claims(), "sub": "root"}))
    for changed in (
        f"{head}.{other}.{signature}",
        f"{head}.{payload}.{signature[:-8]}AAAAAAAA",
        f"{head}.{payload}.",
        f"{head}.{payload}",
        f"{token}.x",
        f"{token}=",
        "ey.x.y",
        "eyJ.!.x",
    ):
        assert_nobody(changed)
    assert_nobody(IDP.token(more="x" * TOKEN_CHARS_MAX))
    assert meet(IDP.token(more="x" * 4_096)).team == "payments"


def test_a_key_twice_in_a_token_is_refused() -> None:
    raw = msgspec.json.encode(IDP.claims())
    payload = raw[:-1] + b',"aud":"else","aud":"' + AUDIENCE.encode() + b'"}'
    token = jwt.PyJWS().encode(
        payload, IDP.keys["rs256-0"][1], algorithm="RS256", headers={"kid": "rs256-0"}
    )
    assert_nobody(token)


# Keys of the issuer


def test_an_unknown_key_asks_for_the_keys_and_is_nobodys_until_they_are_there() -> None:
    idp = TestIssuer("RS256")
    house, issuers, asked = a_house(idp)
    kid = idp.add("RS256", "new")
    token = idp.token(kid=kid, key=idp.keys[kid][1])
    assert_nobody(token, house)
    assert asked == ["corp"]
    issuers.hold("corp", read_jwks(idp.jwks()), NOW)
    assert meet(token, house).team == "payments"


def test_a_key_that_the_issuer_took_away_is_worth_nothing() -> None:
    idp = TestIssuer("RS256")
    house, issuers, _ = a_house(idp)
    token = idp.token()
    assert meet(token, house)
    issuers.hold("corp", read_jwks(TestIssuer("RS256").jwks()), NOW)
    assert_nobody(token, house)


def test_keys_are_believed_for_a_stated_time_without_an_answer() -> None:
    house, _, asked = a_house()
    late = NOW + timedelta(hours=1)
    lasting = {"exp": NOW_S + 10_000}
    assert meet(IDP.token(**lasting), house, late).team == "payments"
    assert asked == []
    assert_nobody(IDP.token(**lasting), house, late + timedelta(seconds=1))
    assert asked == ["corp"]


def test_before_the_keys_are_there_nobody_is_known() -> None:
    asked: list[str] = []
    house = Callers(RING, AccessKeys(RING, ROOT), None, Issuers((an_issuer(),), asked.append))
    assert_nobody(IDP.token(), house)
    assert asked == ["corp"]


def test_a_token_without_a_key_id_needs_a_set_with_one_key_of_its_kind() -> None:
    single = TestIssuer("RS256")
    token = single.token(header={"kid": None})
    assert meet(token, a_house(single)[0]).team == "payments"
    single.add("RS256")
    assert_nobody(token, a_house(single)[0])


SKIPPED = {
    "symmetric": {"kty": "oct", "k": "c2VjcmV0", "kid": "s", "alg": "HS256"},
    "for encryption": IDP.jwk("rs256-0", use="enc"),
    "for another algorithm": IDP.jwk("rs256-0", alg="PS256"),
    "for signing": IDP.jwk("rs256-0", key_ops=["sign"]),
    "with its private part": IDP.jwk("rs256-0", d="AAAA"),
    "of another curve": IDP.jwk("es256-1", crv="P-384"),
    "of no kind": {"kid": "x"},
    "with a key id that is none": IDP.jwk("rs256-0", kid=7),
    "with a modulus that is none": IDP.jwk("rs256-0", n="!"),
    "with a curve that is none": IDP.jwk("es256-1", crv=["P-256"]),
    "too short": {"kty": "RSA", "e": "AQAB", "n": _b64(b"\xc1" * 128), "kid": "w"},
}


@pytest.mark.parametrize("one", SKIPPED.values(), ids=SKIPPED.keys())
def test_what_is_no_key_to_verify_with_is_skipped(one) -> None:
    with pytest.raises(JwksError, match="no key in it"):
        read_jwks(msgspec.json.encode({"keys": [one, 1]}))
    assert len(read_jwks(IDP.jwks(one))) == len(IDP.keys)


@pytest.mark.parametrize(
    "raw", [b"", b"[]", b"{}", b'{"keys":{}}', b'{"keys":[],"keys":[]}', b"\xff", b"x" * 300_000]
)
def test_what_is_no_set_of_keys_is_refused(raw) -> None:
    with pytest.raises(JwksError):
        read_jwks(raw)


def test_a_set_has_a_bound() -> None:
    with pytest.raises(JwksError, match="at most 64"):
        read_jwks(msgspec.json.encode({"keys": [IDP.jwk("rs256-0")] * 65}))


# What claims bind


def test_claims_bind_team_labels_clearance_and_repositories() -> None:
    house = a_house(
        team_from=ClaimSource("/org/unit"),
        label="internal",
        label_from=ClaimSource("groups", {"pay": "restricted", "hr": "internal+pii"}),
        clearance_from=ClaimSource("https://corp/clearance"),
        repos=("website",),
        repos_from=ClaimSource("repos"),
        names=frozenset({"code"}),
        zones=frozenset({"on_prem"}),
    )[0]
    told = {
        "org": {"unit": "billing"},
        "groups": ["all", "pay", "hr"],
        "https://corp/clearance": "restricted",
        "repos": ["payments"],
    }
    assert meet(IDP.token(**told), house) == Caller(
        "oidc:corp",
        "ada@example.com",
        "billing",
        "internal",
        ("website", "payments"),
        floors=("restricted", "internal+pii"),
        allowance=Allowance(frozenset({"code"}), frozenset({"on_prem"}), ("restricted",)),
        known_by="oidc",
    )
    for name, worse in (
        ("org", "billing"),
        ("groups", ["all"]),
        ("groups", "everybody"),
        ("groups", [1]),
        ("groups", ["pay"] * 257),
        ("https://corp/clearance", None),
        ("https://corp/clearance", []),
        ("repos", {"payments": True}),
    ):
        assert_nobody(IDP.token(**{**told, name: worse}), house)


def test_what_is_fixed_holds_for_all() -> None:
    house = a_house(team_from=None, team="desks", clearance="internal")[0]
    met = meet(IDP.token(), house)
    assert (met.team, met.allowance.clearances) == ("desks", ("internal",))


def test_a_key_of_an_issuer_does_not_print_itself() -> None:
    assert repr(read_jwks(IDP.jwks())[0]) == "IssuerKey(RS256)"
