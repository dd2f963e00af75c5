"""Callers who sign: what the real clients signed is known, as it was sent."""

import hashlib
from datetime import timedelta
from urllib.parse import quote

import pytest
from msgspec.structs import replace

from gateway.domain.errors import Unauthenticated
from gateway.identity import signature
from gateway.identity.access_keys import access_key_id, secret_of
from gateway.identity.keys import Previous
from tests.doubles.goldens import GOLDENS, golden
from tests.doubles.signers import (
    BODY,
    CLEO,
    ENTRY,
    NAME,
    NOW,
    ROOT,
    Access,
    assert_refused,
    assert_refused_early,
    callers,
    met,
    overheard,
    sent,
    signed,
)

RECORDED = sorted(path.name for path in (GOLDENS / "sigv4").glob("*.http"))


@pytest.mark.parametrize("name", RECORDED)
def test_what_a_real_client_signed_is_known(name: str) -> None:
    head, body = overheard(golden(f"sigv4/{name}"))
    assert met(head, body) == CLEO
    with pytest.raises(Unauthenticated):
        met(head, body + b" ")


def test_there_are_recordings_of_every_client() -> None:
    assert {name.partition("_")[0] for name in RECORDED} == {
        "ai",
        "anthropic",
        "aws4fetch",
        "claude",
    }


@pytest.mark.parametrize(
    "target",
    [
        "/v1/chat/completions",
        "/model/openai.gpt-oss-120b-1:0/converse",
        "/model/openai.gpt-oss-120b-1%3A0/converse-stream",
        "/model/" + quote("arn:aws:bedrock:eu-central-1:123456789012:x/y.1", safe="") + "/invoke",
        "/l/internal/r/ledger/v1/messages?beta=true",
        "/a~b_c.d-e%7Ef%20g!*'()",
        "/inference-profiles?type=SYSTEM_DEFINED&maxResults=9&b&a=2&a=1&c=%2F%3D",
        "",
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_what_botocore_signs_is_known_whatever_the_path(target: str, method: str) -> None:
    url = f"https://gateway.test{target}"
    assert met(sent(signed(url, method=method), url, method)) == CLEO


@pytest.mark.parametrize("value", ["a", "  a   b\t c ", "", "a,b", "\xe9"])
def test_white_space_in_a_header_is_one_space(value: str) -> None:
    fields = signed(fields={"x-a": value} if value.isascii() else {"x-a": "e"})
    if value.isascii():
        assert met(sent({**fields, "x-a": value})) == CLEO
        assert met(sent({**fields, "x-a": " ".join(value.split())})) == CLEO
    else:
        assert_refused(sent({**fields, "x-a": value}))


def test_a_space_and_a_space_that_does_not_break_are_not_the_same() -> None:
    fields = signed(fields={"x-a": "a b"})
    assert_refused(sent({**fields, "x-a": "a\xa0b"}))


def test_a_hash_of_the_body_may_be_told_and_must_be_true() -> None:
    right = hashlib.sha256(BODY).hexdigest()
    assert met(sent(signed(fields={"X-Amz-Content-SHA256": right}))) == CLEO
    assert met(sent({**signed(), "x-amz-content-sha256": right})) == CLEO


def test_the_same_request_again_is_the_same_caller() -> None:
    head = sent(signed())
    assert met(head) == met(head) == CLEO


def test_a_signature_is_good_for_the_window_and_not_a_second_more() -> None:
    for sign in (1, -1):
        edge = NOW + sign * signature.WINDOW
        assert met(sent(signed()), now=edge) == CLEO
        assert_refused_early(sent(signed()), now=edge + sign * timedelta(seconds=1))


def test_the_window_does_not_reset_at_midnight() -> None:
    midnight = NOW.replace(hour=0, minute=0, second=0)
    head = sent(signed(at=midnight - timedelta(seconds=1)))
    assert met(head, now=midnight + timedelta(seconds=1)) == CLEO


def test_a_host_may_be_signed_without_the_port_that_it_is_sent_with() -> None:
    for bare, full in (("gateway.test", "gateway.test:8080"), ("[::1]", "[::1]:8080")):
        fields = signed(fields={"host": bare})
        assert met(sent({**fields, "host": full})) == CLEO
        other = full.replace("test", "tesu").replace("::1", "::2")
        assert_refused(sent({**fields, "host": other}))
    assert_refused(sent({**signed(), "host": "gateway.test"}))
    assert_refused(sent({**signed(), "host": "gateway.test:8081"}))


def test_a_header_that_is_not_signed_is_ignored() -> None:
    assert met(sent({**signed(), "x-added": "on the way", "x-amz-user-agent": "x"})) == CLEO


def test_an_access_key_id_stands_for_one_key() -> None:
    assert access_key_id("ann-laptop-2") == "PMT_ANN_LAPTOP_2"
    with pytest.raises(ValueError, match="key id"):
        access_key_id("ann_laptop")
    head = sent(signed(access=Access("PMT_A_B", secret_of(ROOT, "PMT_A_B", 1).reveal())))
    assert met(head, house=callers(**{"a-b": ENTRY})).key_id == "a-b"


def test_secrets_differ_by_node_id_and_generation_and_do_not_print() -> None:
    made = [
        secret_of(root, name, generation)
        for root in (ROOT, bytes(32))
        for name in ("PMT_A", "PMT_B")
        for generation in (1, 2, 11)
    ]
    assert len({secret.reveal() for secret in made}) == len(made)
    assert all(len(secret.reveal()) == 43 for secret in made)
    assert made[0].reveal() not in f"{made}"


def test_both_secrets_of_a_rotated_access_key_are_good_until_the_overlap_ends() -> None:
    old = Previous(until=NOW + timedelta(seconds=1), generation=1)
    second = Access(secret=secret_of(ROOT, NAME, 2).reveal())
    overlapping = callers(replace(ENTRY, generation=2, previous=old))
    for access in (Access(), second):
        assert met(sent(signed(access=access)), house=overlapping) == CLEO
    over = callers(replace(ENTRY, generation=2, previous=replace(old, until=NOW)))
    assert met(sent(signed(access=second)), house=over) == CLEO
    assert_refused(sent(signed()), house=over)


def test_an_access_key_may_ask_for_a_certificate_beside_the_signature() -> None:
    bound = callers(replace(ENTRY, certificates=("dns:ci.corp",)))
    assert met(sent(signed(), subjects=("dns:ci.corp",)), house=bound) == CLEO
    assert_refused_early(sent(signed()), house=bound)
