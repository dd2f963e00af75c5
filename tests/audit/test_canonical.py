from datetime import date
from hashlib import sha256
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.audit.canonical import (
    ENTRY_BYTES_MAX,
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
from tests.doubles.records import a_decided, a_settled, an_admin, an_attempted

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
    entry = encode(a_decided(nasty))
    assert b"\n" not in entry
    assert b"\x1b" not in entry
    assert decode(entry).id == nasty


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


def test_an_entry_that_lacks_a_younger_field_is_read() -> None:
    plain = msgspec.json.decode(encode(a_settled("r")))
    del plain["reply_bytes"]
    assert decode(msgspec.json.encode(plain, order="sorted")) == a_settled("r")


def test_an_older_entry_must_be_canonical_too() -> None:
    plain = msgspec.json.decode(encode(a_settled("r")))
    del plain["reply_bytes"]
    with pytest.raises(EntryUnreadable):
        decode(msgspec.json.encode(dict(reversed(plain.items()))))


def test_an_unknown_field_where_none_may_be_is_unreadable() -> None:
    plain = msgspec.json.decode(encode(a_settled("r")))
    del plain["reply_bytes"]
    plain["usage"] |= {"mood": {"a": [1]}}
    with pytest.raises(EntryUnreadable):
        decode(msgspec.json.encode(plain, order="sorted"))


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


PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@settings(max_examples=100, deadline=None)
@given(facts=st.dictionaries(st.text(), PLAIN, max_size=5))
def test_plain_facts_survive_the_way_to_bytes_and_back(facts) -> None:
    record = an_admin("started", facts=facts)
    entry = encode(record)
    assert decode(entry) == record
    assert encode(decode(entry)) == entry
