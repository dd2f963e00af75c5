"""Callers who sign: whatever was changed on the way is nobody. Each test says what was done."""

import hashlib
from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from gateway.identity import signature
from gateway.identity.access_keys import secret_of
from gateway.identity.keys import KeyEntry, new_key
from gateway.identity.sent import Sent
from tests.doubles.signers import (
    BODY,
    CLEO,
    ENTRY,
    NAME,
    NOW,
    ROOT,
    URL,
    Access,
    as_pairs,
    assert_refused,
    assert_refused_early,
    callers,
    met,
    sent,
    signed,
)


def without(fields: dict[str, str], *names: str) -> dict[str, str]:
    return {name: value for name, value in fields.items() if name.lower() not in names}


@pytest.mark.parametrize("service", ["s3", "bedrock-runtime", "execute-api"])
def test_a_signature_for_another_service_is_refused(service: str) -> None:
    assert_refused_early(sent(signed(service=service)))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("/eu-central-1/", "/eu-west-1/"),
        ("/20261127/", "/20261126/"),
        ("/bedrock/", "/s3/"),
        ("aws4_request", "aws5_request"),
        ("AWS4-HMAC-SHA256", "AWS4-ECDSA-P256-SHA256"),
        ("AWS4-HMAC-SHA256", "aws4-hmac-sha256"),
        (f"={NAME}/", "=PMT_OTHER/"),
        (f"={NAME}/", f"={NAME.lower()}/"),
        (f"={NAME}/", "=client/"),
        (f"={NAME}/", "=PMT_/"),
    ],
)
def test_another_credential_than_the_signed_one_is_refused(old: str, new: str) -> None:
    fields = signed()
    assert old in fields["Authorization"]
    fields["Authorization"] = fields["Authorization"].replace(old, new)
    assert_refused(sent(fields), house=callers(other=ENTRY))


@pytest.mark.parametrize("region", ["eu", "EU-central-1", "eu-central-\u0661", "../..", "world"])
def test_a_region_that_is_none_is_refused(region: str) -> None:
    fields = signed(region="xx")
    fields["Authorization"] = fields["Authorization"].replace("/xx/", f"/{region}/")
    pairs = [(name.lower(), value.encode()) for name, value in fields.items()]
    assert_refused_early(sent([("host", b"gateway.test:8080"), *pairs]))


@pytest.mark.parametrize("region", ["us-east-1", "us-gov-west-1", "eusc-de-east-1", "ap-south-2"])
def test_any_region_serves(region: str) -> None:
    assert met(sent(signed(region=region))) == CLEO


def test_the_generation_before_and_the_one_after_are_refused() -> None:
    head = sent(signed())
    assert met(head) == CLEO
    assert_refused(head, house=callers(replace(ENTRY, generation=2)))
    later = Access(secret=secret_of(ROOT, NAME, 2).reveal())
    assert_refused(sent(signed(access=later)))
    assert met(sent(signed(access=later)), house=callers(replace(ENTRY, generation=2))) == CLEO


def test_another_node_is_refused() -> None:
    assert_refused(sent(signed()), house=callers(root=bytes(32)))


@pytest.mark.parametrize("changes", [{"revoked": True}, {"expires_on": date(2026, 11, 26)}])
def test_a_key_that_has_ended_is_refused_before_the_body(changes: dict) -> None:
    assert_refused_early(sent(signed()), callers(replace(ENTRY, **changes)))
    last = replace(ENTRY, expires_on=date(2026, 11, 27))
    assert met(sent(signed()), house=callers(last)) == CLEO


@pytest.mark.parametrize("name", ["PMT_NOBODY", "PMT_", "AKIAIOSFODNN7EXAMPLE", "x" * 128])
def test_a_key_that_is_not_known_is_refused_before_the_body(name: str) -> None:
    made = Access(name, secret_of(ROOT, name, 1).reveal())
    assert_refused_early(sent(signed(access=made)))


def test_a_key_that_is_sent_cannot_sign_and_one_that_signs_cannot_be_sent() -> None:
    _, digest = new_key("client", bytes(32))
    plain = KeyEntry("cleo", "payments", digest)
    assert_refused_early(sent(signed()), callers(plain))
    for text in (NAME, Access().secret, f"pmt_client_{Access().secret}"):
        for fields in ({"authorization": f"Bearer {text}"}, {"x-api-key": text}):
            assert_refused_early(sent(fields))


def test_a_swapped_body_is_refused() -> None:
    assert_refused(sent(signed()), b'{"messages":[]}')
    assert_refused(sent(signed()), b"")


@pytest.mark.parametrize("other", [b"other", b""])
def test_a_lie_about_the_body_is_refused_though_it_is_signed(other: bytes) -> None:
    lie = hashlib.sha256(other).hexdigest()
    fields = signed(fields={"X-Amz-Content-SHA256": lie}, body=other)
    assert_refused(sent(fields), BODY)
    assert_refused(sent({**signed(), "x-amz-content-sha256": lie}), BODY)


def test_a_hash_of_the_body_that_is_told_twice_is_refused() -> None:
    right = hashlib.sha256(BODY).hexdigest().encode()
    pairs = [*as_pairs(signed()), ("host", b"gateway.test:8080")]
    for second in (right, hashlib.sha256(b"").hexdigest().encode(), b"UNSIGNED-PAYLOAD"):
        twice = [("x-amz-content-sha256", value) for value in (right, second)]
        assert_refused_early(sent([*pairs, *twice]))


@pytest.mark.parametrize(
    "told",
    [
        "UNSIGNED-PAYLOAD",
        "STREAMING-AWS4-HMAC-SHA256-PAYLOAD",
        "STREAMING-UNSIGNED-PAYLOAD-TRAILER",
        "",
        hashlib.sha256(BODY).hexdigest().upper(),
    ],
)
def test_a_body_that_nobody_signed_is_refused_before_it_is_read(told: str) -> None:
    assert_refused_early(sent(signed(fields={"X-Amz-Content-SHA256": told})))
    assert_refused_early(sent({**signed(), "x-amz-content-sha256": told}))


def test_a_path_that_was_cut_is_refused() -> None:
    cut = URL.replace("/r/ledger", "")
    assert_refused(sent(signed(), cut))
    assert_refused(sent(signed(cut), URL))
    assert_refused(sent(signed(), URL.replace("/r/ledger", "/r/other")))


def test_a_path_that_was_decoded_or_encoded_again_is_refused() -> None:
    for other in (URL.replace("%3A", ":"), URL.replace("%3A", "%253A"), URL.replace("%3A", "%3a")):
        assert_refused(sent(signed(), other))


def test_a_path_with_dots_or_empty_parts_is_not_the_one_that_it_leads_to() -> None:
    for other in ("//model/x", "/./model/x", "/a/../model/x", "/model//x"):
        assert_refused(sent(signed("http://g.test/model/x"), f"http://g.test{other}"))


def test_a_session_token_is_refused() -> None:
    assert_refused_early(sent(signed(access=Access(token="t" * 40))))
    assert_refused_early(sent({**signed(), "x-amz-security-token": ""}))


@pytest.mark.parametrize(
    "query",
    [
        "X-Amz-Algorithm=AWS4-HMAC-SHA256",
        "a=1&X-Amz-Signature=x",
        "x-amz-credential",
        "x%2Damz%2Dsignature=1",
        "X-Amz-Security-Token=x",
    ],
)
def test_a_signature_in_the_query_is_refused(query: str) -> None:
    url = f"http://gateway.test:8080/v1/messages?{query}"
    assert_refused_early(sent(signed(url), url))
    assert_refused_early(sent({}, url))
    key, digest = new_key("ann", bytes(32))
    known = callers(ann=KeyEntry("ann", "payments", digest))
    assert_refused_early(sent({"x-api-key": key.reveal()}, url), known)


def test_a_signed_header_that_is_given_twice_is_refused() -> None:
    pairs = [*as_pairs(signed()), ("host", b"gateway.test:8080")]
    for name, value in pairs:
        if name not in {"authorization", "user-agent"}:
            assert_refused_early(sent([*pairs, (name, value)]))


def test_a_signed_header_that_is_not_there_is_refused() -> None:
    for name in ("x-perimeter-label", "content-type", "x-amz-date"):
        assert_refused_early(sent(without(signed(), name)))


@pytest.mark.parametrize("name", ["host", "x-amz-date"])
def test_what_must_be_signed_must_be_signed(name: str) -> None:
    fields = signed()
    for old in (f"{name};", f";{name}"):
        fields["Authorization"] = fields["Authorization"].replace(old, "", 1)
    assert name not in fields["Authorization"]
    assert_refused_early(sent(fields))


@pytest.mark.parametrize(
    "names",
    ["", "host", "x-amz-date;host", "host;host;x-amz-date", "Host;x-amz-date", "host;;x-amz-date",
     ";".join(["host", *(f"i{n:03}" for n in range(64)), "x-amz-date"])],
)  # fmt: skip
def test_a_list_of_signed_headers_of_another_form_is_refused(names: str) -> None:
    fields = signed()
    before, _, rest = fields["Authorization"].partition("SignedHeaders=")
    fields["Authorization"] = f"{before}SignedHeaders={names},{rest.partition(',')[2]}"
    more = {f"i{n:03}": "" for n in range(64)}
    assert_refused_early(sent({**more, **fields}))


@pytest.mark.parametrize(
    "stamp",
    ["", "20261127", "20261127T075130", "2026-11-27T07:51:30Z", "20261127T075160Z",
     "20261327T075130Z", "20261127T075130Z ", "\u0662\u0660261127T075130Z", "00000000T000000Z"],
)  # fmt: skip
def test_a_date_of_another_form_is_refused(stamp: str) -> None:
    pairs = [(n, v) for n, v in as_pairs(signed()) if n != "x-amz-date"]
    told = stamp.encode() if stamp.strip() == stamp else stamp.encode() + b"\x00"
    head = sent([("host", b"gateway.test:8080"), *pairs, ("x-amz-date", told)])
    assert_refused_early(head)


@pytest.mark.parametrize("at", [NOW.replace(year=1), NOW.replace(year=9999, month=12, day=31)])
def test_a_date_at_the_end_of_time_is_refused(at) -> None:
    stamp = f"{at.year:04}{at:%m%dT%H%M%SZ}"
    fields = {**signed(), "X-Amz-Date": stamp}
    fields["Authorization"] = fields["Authorization"].replace("/20261127/", f"/{stamp[:8]}/")
    assert_refused_early(sent(fields))


@pytest.mark.parametrize("name", ["x-api-key", "x-goog-api-key", "api-key"])
def test_a_second_credential_beside_the_signature_is_refused(name: str) -> None:
    key, digest = new_key("ann", bytes(32))
    known = callers(ann=KeyEntry("ann", "payments", digest))
    for value in ("", "x", key.reveal(), NAME):
        assert_refused_early(sent({**signed(), name: value}), known)


def test_a_very_long_signature_is_refused() -> None:
    fields = signed()
    fields["Authorization"] = fields["Authorization"].replace(", ", "," + " " * 5_000)
    assert_refused_early(sent(fields))


def test_neither_claim_nor_keys_print_anything() -> None:
    unproven = callers().meet(sent(signed()), NOW)
    claim = signature.claim_of(sent(signed()), NOW)
    house = callers()
    shown = f"{unproven!r}{unproven}{claim!r}{claim}{house._access!r}"
    assert shown == "Unproven(***)" * 2 + "Claim(***)" * 2 + "AccessKeys(***)"


# One bit.


PARTS: dict[str, bytes] = {
    "method": b"POST",
    "path": b"/r/ledger/model/a%3A0/converse",
    "query": b"beta=true&x=1",
    "body": BODY,
    **{f"header {name}": value for name, value in as_pairs(signed())},
    "header host": b"gateway.test:8080",
}


def assembled(parts: dict[str, bytes]) -> tuple[Sent, bytes]:
    pairs = [(name[7:], value) for name, value in parts.items() if name.startswith("header ")]
    head = replace(
        sent(pairs),
        method=parts["method"].decode("latin-1"),
        path=parts["path"],
        query=parts["query"],
    )
    return head, parts["body"]


def test_the_parts_as_they_are_are_known() -> None:
    assert met(*assembled(PARTS)) == CLEO


@settings(max_examples=600, deadline=None)
@given(st.data())
def test_one_bit_more_or_less_anywhere_is_nobody(data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(sorted(PARTS)))
    value = PARTS[name]
    bit = data.draw(st.integers(0, 8 * len(value) - 1))
    changed = bytearray(value)
    changed[bit // 8] ^= 1 << bit % 8
    assert_refused(*assembled({**PARTS, name: bytes(changed)}))


@pytest.mark.parametrize("name", sorted(PARTS))
def test_one_bit_in_any_byte_is_nobody(name: str) -> None:
    value = PARTS[name]
    for bit in range(8 * len(value)):
        changed = bytearray(value)
        changed[bit // 8] ^= 1 << bit % 8
        assert_refused(*assembled({**PARTS, name: bytes(changed)}))
