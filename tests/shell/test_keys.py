from datetime import UTC, date, datetime, time, timedelta

import pytest
from msgspec.structs import replace

from gateway.domain.caller import Allowance, Caller
from gateway.domain.errors import Unauthenticated
from gateway.identity.anonymous import KEY_ID
from gateway.identity.keys import (
    HASH,
    HeldKeys,
    KeyEntry,
    KeyRing,
    May,
    Previous,
    hash_of,
    new_key,
)

TODAY = date(2026, 12, 1)
RANDOM = bytes(range(32))


def a_key(key_id: str = "ann-laptop", random: bytes = RANDOM) -> tuple[str, str]:
    secret, digest = new_key(key_id, random)
    return secret.reveal(), digest


def a_ring(**changes: object) -> tuple[KeyRing, str]:
    key, digest = a_key()
    fields = {"hash": digest, "subject": "ann", "team": "payments", **changes}
    return KeyRing({"ann-laptop": KeyEntry(**fields)}), key  # type: ignore[arg-type]


def at(day: date) -> datetime:
    return datetime.combine(day, time(12), UTC)


def refusal(ring: KeyRing, headers: dict[str, str], today: date = TODAY) -> Unauthenticated:
    with pytest.raises(Unauthenticated) as caught:
        ring.authenticate(headers, at(today))
    return caught.value


def test_a_key_has_a_prefix_an_id_and_256_bits() -> None:
    key, digest = a_key()
    assert key == "pmt_ann-laptop_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8"
    assert HASH.fullmatch(digest)
    assert key not in digest


def test_a_new_key_does_not_print_itself() -> None:
    secret, _ = new_key("a", RANDOM)
    assert "AAECAw" not in f"{secret}{secret!r}"


@pytest.mark.parametrize("key_id", ["", "-a", "a-", "A", "a_b", "a b", "ä", "a" * 41, "pmt_x"])
def test_an_id_that_is_none_is_refused(key_id: str) -> None:
    with pytest.raises(ValueError, match="key id"):
        new_key(key_id, RANDOM)


@pytest.mark.parametrize("length", [0, 16, 31, 33])
def test_a_key_needs_exactly_its_random_bytes(length: int) -> None:
    with pytest.raises(ValueError, match="32 random bytes"):
        new_key("a", bytes(length))


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
def test_a_bearer_key_tells_who_calls(scheme: str) -> None:
    ring, key = a_ring(repos=("payments",), selects_repo=True, label="internal")
    assert ring.authenticate({"authorization": f"{scheme} {key}"}, at(TODAY)) == Caller(
        "ann-laptop", "ann", "payments", "internal", ("payments",), selects_repo=True
    )


PLAIN = ["x-api-key", "x-goog-api-key", "api-key"]


@pytest.mark.parametrize("name", PLAIN)
def test_the_other_headers_serve_as_well(name: str) -> None:
    ring, key = a_ring()
    assert ring.authenticate({name: f" {key}\t"}, at(TODAY)).subject == "ann"
    for wrong in (f"Bearer {key}", f"{key},{key}", "", key[:-1]):
        refusal(ring, {name: wrong})


def test_all_headers_with_one_key_are_one_key() -> None:
    ring, key = a_ring()
    headers = dict.fromkeys(PLAIN, key) | {"authorization": f"Bearer {key}"}
    assert ring.authenticate(headers, at(TODAY)).subject == "ann"
    for name in headers:
        refusal(ring, headers | {name: ""})


@pytest.mark.parametrize("name", ["x-key", "api_key", "apikey", "cookie", "x-auth-token"])
def test_no_other_header_holds_a_key(name: str) -> None:
    ring, key = a_ring()
    refusal(ring, {name: key})


def test_an_access_key_is_not_opened_by_any_text() -> None:
    ring = KeyRing({"ann-laptop": KeyEntry("ann", "payments", generation=1)})
    refusal(ring, {"x-api-key": a_key()[0]})


def test_two_different_keys_are_refused_even_if_both_are_good() -> None:
    one, other = a_key(), a_key("bob", bytes(32))
    ring = KeyRing(
        {
            "ann-laptop": KeyEntry("ann", "payments", one[1]),
            "bob": KeyEntry("bob", "payments", other[1]),
        }
    )
    assert ring.authenticate({"x-api-key": other[0]}, at(TODAY)).subject == "bob"
    for name in PLAIN:
        refusal(ring, {name: other[0], "authorization": f"Bearer {one[0]}"})
        for another in PLAIN:
            if another != name:
                refusal(ring, {name: other[0], another: one[0]})


def test_a_good_key_beside_a_broken_header_is_refused() -> None:
    ring, key = a_ring()
    for broken in ("Basic x", "", "Bearer", "Bearer ", "Bearer  ", key):
        refusal(ring, {"x-api-key": key, "authorization": broken})
    refusal(ring, {"x-api-key": "", "authorization": f"Bearer {key}"})


def test_the_last_day_of_a_key_counts() -> None:
    ring, key = a_ring(expires_on=TODAY)
    assert ring.authenticate({"x-api-key": key}, at(TODAY)).subject == "ann"
    refusal(ring, {"x-api-key": key}, date(2026, 12, 2))


def wrong_headers(key: str) -> list[dict[str, str]]:
    other, _ = a_key("ann-laptop", bytes(32))
    unknown, _ = a_key("nobody")
    return [
        {},
        {"x-api-key": ""},
        {"authorization": ""},
        {"authorization": key},
        {"authorization": f"Basic {key}"},
        {"authorization": f"Bearer {key} x"},
        {"authorization": f"Bearer {key},{key}"},
        {"authorization": f"Bearer\t{key}"},
        {"x-api-key": f"Bearer {key}"},
        {"x-api-key": other},
        {"x-api-key": unknown},
        {"x-api-key": key[:-1]},
        {"x-api-key": key + "A"},
        {"x-api-key": key.upper()},
        {"x-api-key": key.replace("pmt_", "sk-")},
        {"x-api-key": key[:-1] + "\N{CYRILLIC SMALL LETTER A}"},
        {"x-api-key": key[:-1] + "\udcff"},
        {"x-api-key": "pmt_" + "a" * 100_000},
        {"authorization": "Bearer " + "a" * 100_000},
        {"proxy-authorization": f"Bearer {key}"},
    ]


def test_every_refusal_reads_the_same_and_repeats_nothing() -> None:
    ring, key = a_ring()
    errors = [refusal(ring, headers) for headers in wrong_headers(key)]
    for changes in ({"revoked": True}, {"expires_on": date(2026, 11, 30)}):
        bad, _ = a_ring(**changes)
        errors.append(refusal(bad, {"x-api-key": key}))
    assert len({(str(error), error.what, error.hint, error.code) for error in errors}) == 1
    assert all(error.__cause__ is None and error.__context__ is None for error in errors)
    assert key[4:20] not in f"{errors[0]!r}{errors[0]}"


def test_an_empty_ring_knows_nobody() -> None:
    refusal(KeyRing({}), {"x-api-key": a_key()[0]})


def test_the_hash_of_nobody_opens_nothing() -> None:
    ring = KeyRing({"x": KeyEntry("x", "x", "sha256:" + "0" * 64)})
    refusal(ring, {"x-api-key": a_key()[0]})
    refusal(ring, {"x-api-key": ""})


def test_neither_ring_nor_entry_prints_hashes_or_holders() -> None:
    ring, key = a_ring()
    digest = hash_of(key)
    entry = KeyEntry("ann", "payments", digest)
    shown = f"{ring}{ring!r}{entry}{entry!r}{[entry]}"
    assert "KeyRing(1 keys)" in shown
    assert digest[7:20] not in shown
    assert "ann" not in shown
    assert len(ring) == 1


def test_a_check_can_see_every_caller() -> None:
    ring, _ = a_ring(label="internal")
    assert ring.callers == (Caller("ann-laptop", "ann", "payments", "internal"),)


OLD_KEY, OLD_HASH = a_key("ann-laptop", bytes(32))
NEXT_DAY = datetime(2026, 12, 2, tzinfo=UTC)


def test_a_rotated_key_and_its_predecessor_are_both_good_until_the_overlap_ends() -> None:
    ring, key = a_ring(previous=Previous(until=NEXT_DAY, hash=OLD_HASH))
    before, after = NEXT_DAY - timedelta(seconds=1), NEXT_DAY
    for one in (key, OLD_KEY):
        assert ring.authenticate({"x-api-key": one}, before).subject == "ann"
    assert ring.authenticate({"x-api-key": key}, after).subject == "ann"
    with pytest.raises(Unauthenticated):
        ring.authenticate({"x-api-key": OLD_KEY}, after)


def test_revoking_ends_the_predecessor_too() -> None:
    ring, key = a_ring(previous=Previous(until=NEXT_DAY, hash=OLD_HASH), revoked=True)
    shown = {str(refusal(ring, {"x-api-key": one})) for one in (key, OLD_KEY, "pmt_x")}
    assert len(shown) == 1


def test_a_key_says_what_its_holder_may_at_the_most() -> None:
    ring, _ = a_ring(tasks=("code",), zones=("on_prem",), clearance="internal", may=(May.EXPLAIN,))
    (caller,) = ring.callers
    assert caller.allowance == Allowance(frozenset({"code"}), frozenset({"on_prem"}), ("internal",))
    assert caller.may == {"explain"}
    assert a_ring()[0].callers[0].allowance == Allowance()


@pytest.mark.parametrize(
    ("changes", "stands"),
    [
        ({}, True),
        ({"may": (May.EXPLAIN,)}, True),
        ({"revoked": True}, False),
        ({"expires_on": TODAY - timedelta(days=1)}, False),
        ({"expires_on": TODAY}, True),
        ({"label": "restricted"}, False),
        ({"repos": ("website",)}, False),
        ({"zones": ("on_prem",)}, False),
        ({"team": "another"}, False),
    ],
    ids=str,
)
def test_a_caller_stands_while_his_key_says_the_same_of_him(changes: dict, stands: bool) -> None:
    (caller,) = a_ring()[0].callers
    ring = a_ring(**changes)[0]
    assert ring.stands(caller, TODAY) is stands
    shown = replace(caller, known_by="mtls", on_behalf_of="bob")
    assert ring.stands(shown, TODAY) is stands


def test_a_caller_stands_no_more_when_his_key_is_gone_and_others_are_not_asked_about() -> None:
    (caller,) = a_ring()[0].callers
    assert not KeyRing({}).stands(caller, TODAY)
    assert KeyRing({}).stands(replace(caller, known_by="jwt"), TODAY)
    assert KeyRing({}).stands(replace(caller, key_id=KEY_ID), TODAY)


def test_a_ring_is_swapped_as_a_whole() -> None:
    held = HeldKeys(KeyRing({}))
    ring, key = a_ring()
    refusal(held.now(), {"x-api-key": key})
    held.swap(ring)
    assert held.now() is ring


def test_neither_a_predecessor_prints_itself() -> None:
    assert OLD_HASH[7:20] not in repr(Previous(until=NEXT_DAY, hash=OLD_HASH))
