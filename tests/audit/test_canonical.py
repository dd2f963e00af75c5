from datetime import date, datetime
from hashlib import sha256
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from gateway.audit.canonical import (
    ENTRY_BYTES_MAX,
    FACTS_DEPTH_MAX,
    EntryRefused,
    EntryTooLarge,
    EntryUnreadable,
    commit,
    decode,
    digest,
    digest_of,
    document,
    encode,
)
from gateway.audit.record import Admin, Attempted, Decided, Settled
from tests.doubles.records import a_decided, a_decision, a_settled, an_admin, an_attempted

V1 = Path(__file__).parent / "fixtures" / "v1"
NAMES = {"decided": Decided, "attempted": Attempted, "settled": Settled, "admin": Admin}


@pytest.mark.parametrize("name", NAMES)
def test_a_record_of_version_1_decodes_for_ever(name: str) -> None:
    record = decode((V1 / f"{name}.json").read_bytes())
    assert type(record) is NAMES[name]
    assert record.v == 1


@pytest.mark.parametrize(
    "record", [a_decided("r"), an_attempted("r"), a_settled("r"), an_admin("started")]
)
def test_what_is_written_is_what_is_read(record) -> None:
    assert decode(encode(record)) == record


def test_the_order_of_keys_and_sets_does_not_depend_on_who_writes() -> None:
    one = an_admin("started", facts={"b": 1, "a": {"y": {"q", "e", "w"}, "x": None}})
    two = an_admin("started", facts={"a": {"x": None, "y": {"w", "q", "e"}}, "b": 1})
    assert encode(one) == encode(two)
    assert b'"facts":{"a":{"x":null,"y":["e","q","w"]},"b":1}' in encode(one)


@pytest.mark.parametrize(
    "facts", [{"cost": 1.5}, {"deep": [{"cost": 0.1}]}, {"a": b"x"}, {"a": date(2026, 1, 1)}]
)
def test_a_float_or_anything_not_plain_is_refused_in_a_record(facts) -> None:
    with pytest.raises(EntryRefused):
        encode(an_admin("started", facts=facts))


def test_a_float_in_a_typed_field_is_refused() -> None:
    with pytest.raises(EntryRefused):
        encode(a_decided("r", ts_us=1.5))
    with pytest.raises(EntryRefused):
        encode(a_settled("r", cost_microusd=0.25))


def test_text_that_is_not_unicode_is_refused_and_not_repeated() -> None:
    with pytest.raises(EntryRefused) as refused:
        encode(a_decided("r", key_id="canary\ud800"))
    assert "canary" not in str(refused.value)


def test_a_record_larger_than_an_entry_is_refused_and_never_cut() -> None:
    empty = len(encode(an_admin("started", facts={"x": ""})))
    fits = an_admin("started", facts={"x": "a" * (ENTRY_BYTES_MAX - empty)})
    assert len(encode(fits)) == ENTRY_BYTES_MAX
    with pytest.raises(EntryTooLarge):
        encode(an_admin("started", facts={"x": "a" * (ENTRY_BYTES_MAX - empty + 1)}))


def test_control_characters_stay_inside_their_field() -> None:
    nasty = 'a\nb\x1b[31m\u202e","type":"admin'
    entry = encode(a_decided("r", key_id=nasty))
    assert b"\n" not in entry
    assert b"\x1b" not in entry
    assert decode(entry).key_id == nasty


@pytest.mark.parametrize(
    "change",
    [
        lambda entry: entry + b" ",
        lambda entry: entry.replace(b'{"', b'{ "', 1),
        lambda entry: entry.replace(b'"v":1', b'"v":1,"v":1'),
        lambda entry: entry.replace(b'"v":1', b'"v":2'),
        lambda entry: entry.replace(b'"v":1', b'"v":0'),
        lambda entry: entry.replace(b'"zone":"on_prem"', b'"zone":"on_prem","zoo":1'),
        lambda entry: entry.replace(b'"number":1', b'"number":1.0'),
        lambda entry: entry.replace(b'"type":"attempted"', b'"type":"rumour"'),
        lambda entry: entry[:-1],
        lambda _: b"",
        lambda _: b"[]",
        lambda _: b'"' + b"a" * ENTRY_BYTES_MAX + b'"',
        lambda entry: entry.replace(b"on_prem", b"on\xff"),
    ],
)
def test_bytes_that_are_not_canonical_are_unreadable(change) -> None:
    entry = encode(an_attempted("r"))
    changed = change(entry)
    assert changed != entry
    with pytest.raises(EntryUnreadable):
        decode(changed)


def test_an_unknown_field_deep_inside_is_unreadable() -> None:
    entry = encode(a_settled("r"))
    changed = entry.replace(b'"kind":"rate_limited"', b'"kind":"rate_limited","mood":"bad"')
    assert changed != entry
    with pytest.raises(EntryUnreadable):
        decode(changed)


def test_an_entry_that_lacks_a_field_is_unreadable() -> None:
    for record in (a_settled("r"), a_decided("r"), an_attempted("r"), an_admin("started")):
        plain = msgspec.json.decode(encode(record))
        for name in plain:
            fewer = {key: value for key, value in plain.items() if key != name}
            with pytest.raises(EntryUnreadable):
                decode(msgspec.json.encode(fewer, order="sorted"))


DATE = b'"decided_at":"2026-11-21T12:00:00Z"'


@pytest.mark.parametrize(
    ("there", "instead"),
    [
        (b'["on_prem"]', b'["on_prem","on_prem"]'),
        (b'"caveats":["pii"]', b'"caveats":["pii","a"]'),
        (b'"residency":["DE","FR"]', b'"residency":["FR","DE"]'),
        (DATE, b'"decided_at":"2026-11-21T13:00:00+01:00"'),
        (DATE, b'"decided_at":"2026-11-21T12:00:00+00:00"'),
        (DATE, b'"decided_at":"2026-11-21 12:00:00Z"'),
        (DATE, b'"decided_at":"2026-11-21T12:00:00.000000Z"'),
        (DATE, b'"decided_at":"2026-11-21T12:00:00"'),
        (b'"ts_us":1795262400000000', b'"ts_us":1795262400000000.0'),
        (b'"ts_us":1795262400000000', b'"ts_us":-1'),
        (b'"ts_us":1795262400000000', b'"ts_us":253402300800000000'),
        (b'"ts_us":1795262400000000', b'"ts_us":18446744073709551615'),
        (b'"ts_us":1795262400000000', b'"ts_us":1180591620717411303424'),
        (b'"key_id":"key-7"', b'"key_id":"\\u006bey-7"'),
    ],
)
def test_a_value_in_another_form_is_unreadable(there: bytes, instead: bytes) -> None:
    entry = encode(a_decided("r"))
    assert there in entry
    with pytest.raises(EntryUnreadable):
        decode(entry.replace(there, instead))


def test_what_could_not_be_read_back_is_not_written() -> None:
    for bad in (
        a_decided("r", ts_us=-1),
        a_decided("r", ts_us=2**63),
        a_decided("r", v=2),
        a_decided("r", raised_by={"b", "a"}, decision=None),
        a_decided("r", decision=replace(a_decision("on_prem"), decided_at=datetime(2026, 1, 1))),  # noqa: DTZ001 - a date without a zone is what is refused
    ):
        with pytest.raises(EntryRefused):
            encode(bad)


@pytest.mark.parametrize("value", [b"1.5", b"1e400", b"[0.0]", b'{"a":{"b":-0.0}}'])
def test_a_float_in_stored_facts_is_unreadable(value: bytes) -> None:
    entry = encode(an_admin("started")).replace(b'"facts":{}', b'"facts":{"a":' + value + b"}")
    with pytest.raises(EntryUnreadable):
        decode(entry)


@pytest.mark.parametrize("depth", [FACTS_DEPTH_MAX + 1, 200, 500, 900, 5_000, 30_000])
def test_facts_that_nest_too_deep_are_unreadable(depth: int) -> None:
    deep = b'"facts":{"a":' + b"[" * depth + b"]" * depth + b"}"
    entry = encode(an_admin("started")).replace(b'"facts":{}', deep)
    for changed in (entry, entry.replace(b',"v":1', b"")):
        with pytest.raises(EntryUnreadable):
            decode(changed)


def test_facts_may_nest_a_little() -> None:
    facts: object = "x"
    for _ in range(FACTS_DEPTH_MAX - 1):
        facts = [facts]
    assert decode(encode(an_admin("started", facts={"a": facts}))).facts == {"a": facts}
    with pytest.raises(EntryRefused):
        encode(an_admin("started", facts={"a": [[facts]]}))


def test_a_digest_is_of_the_sorted_document() -> None:
    value = {"b": [1, True, None, "x", 3.75], "a": {"z": 1, "y": 2}}
    data = b'{"a":{"y":2,"z":1},"b":[1,true,null,"x",3.75]}'
    assert document(value) == data
    assert digest(value) == "sha256:" + sha256(data).hexdigest() == digest_of(data)


@pytest.mark.parametrize(
    "value", [float("nan"), float("inf"), {1: 2}, {"a": b"x"}, {"a": object()}, ["\ud800"]]
)
def test_what_is_no_document_has_no_digest(value) -> None:
    with pytest.raises(EntryRefused):
        digest(value)


def test_a_commitment_differs_by_salt_and_needs_one() -> None:
    assert commit(b"a" * 16, b"body") != commit(b"b" * 16, b"body")
    assert commit(b"a" * 16, b"body") == "sha256:" + sha256(b"a" * 16 + b"body").hexdigest()
    with pytest.raises(ValueError, match="salt"):
        commit(b"a" * 15, b"body")


WORDS = st.text(max_size=20)
PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | WORDS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=3),
    max_leaves=6,
)


@settings(max_examples=100, deadline=None)
@given(facts=st.dictionaries(WORDS, PLAIN, max_size=4))
def test_plain_facts_survive_the_way_to_bytes_and_back(facts) -> None:
    record = an_admin("started", facts=facts)
    entry = encode(record)
    assert decode(entry) == record
    assert encode(decode(entry)) == entry
