"""What each field of a record may hold: the verifier that stands alone knows it as ours does."""

from collections.abc import Iterator
from datetime import UTC, datetime
from enum import StrEnum
from types import NoneType, UnionType
from typing import Any, get_args, get_origin

import msgspec
import pytest
from msgspec.structs import replace

from gateway.audit.canonical import EntryUnreadable, decode, encode
from gateway.audit.ends import Carried, Former, Next
from gateway.audit.record import ADMIN_KINDS, Admin, Attempted, Decided, Record, Sealed, Settled
from gateway.domain.attestation import Attestation
from gateway.domain.caller import Allowance
from gateway.domain.decision import Effect, Redaction, Shadow, Signal, Sizes, Trust
from gateway.domain.grant import Grant, GrantKind
from gateway.domain.request import Ask, Operation
from gateway.domain.route import Truncated
from gateway.export.manifest import Manifest
from tests.doubles.records import (
    RESTRICTED,
    a_decided,
    a_decision,
    a_settled,
    a_try,
    an_admin,
    an_attempted,
)
from tests.doubles.static_logs import ALONE

PLAIN = {str: "text", int: "int", bool: "bool", datetime: "time", Any: "exact"}


def named(kind: type) -> str:
    """Return the name of a class as FIELDS and WORDS write it."""
    return "".join(f"_{c.lower()}" if c.isupper() else c for c in kind.__name__).removeprefix("_")


def form_of(told: Any) -> str:
    """Return the form of an annotation as FIELDS writes it."""
    origin, inner = get_origin(told), get_args(told)
    if origin is UnionType:
        kept = [one for one in inner if one is not msgspec.UnsetType]
        first = form_of(kept[0])
        return f"?{first}" if NoneType in kept else first
    if origin is tuple:
        return "[" + form_of(inner[0]) if inner[1] is ... else "pair"
    if origin in {frozenset, dict}:
        return {frozenset: "{", dict: "<"}[origin] + form_of(inner[-1])
    return PLAIN.get(told) or named(told)


def reached(told: Any) -> Iterator[type]:
    """Yield every class of ours that an annotation leads to."""
    for inner in get_args(told) or (told,):
        if inner is not told:
            yield from reached(inner)
        elif isinstance(inner, type) and issubclass(inner, msgspec.Struct):
            yield inner
            for field in msgspec.structs.fields(inner):
                yield from reached(field.type)
        elif isinstance(inner, type) and issubclass(inner, StrEnum):
            yield inner


CLASSES = dict.fromkeys(
    one
    for kind in (Decided, Attempted, Settled, Admin, Carried, Former, Next, Manifest)
    for one in reached(kind)
)
FORMS = {named(one): one for one in CLASSES if issubclass(one, msgspec.Struct)}
ENUMS = {named(one): one for one in CLASSES if issubclass(one, StrEnum)}
# What an annotation does not say: a kind of Admin record is a word, and no size is written as 0.
ODD = {("admin", "what"): "admin_kind"} | {
    ("sizes", name): "count" for name in Sizes.__struct_fields__
}


@pytest.mark.parametrize("kind", sorted(FORMS))
def test_it_knows_the_fields_that_this_version_writes_and_their_forms(kind: str) -> None:
    """Whoever adds a field to a record adds it to FIELDS, behind the bar where it may be absent."""
    fields = msgspec.structs.fields(FORMS[kind])
    omits = FORMS[kind].__struct_config__.omit_defaults
    every = {one.name: ODD.get((kind, one.name)) or form_of(one.type) for one in fields}
    may = {one.name for one in fields if omits or one.default is msgspec.UNSET}
    if kind in {"decided", "attempted", "settled", "admin"}:
        every["type"] = "text"
    assert ALONE.form(kind) == (every.keys() - may, every)


def test_it_knows_the_words_that_this_version_writes_and_nothing_else() -> None:
    words = {name: set(one) for name, one in ENUMS.items()} | {"admin_kind": set(ADMIN_KINDS)}
    assert {name: set(told.split()) for name, told in ALONE.WORDS.items()} == words
    assert ALONE.FIELDS.keys() == FORMS.keys()


LABEL = replace(RESTRICTED, residency=frozenset({"DE", "FR"}))
WHEN = datetime(2026, 11, 21, 12, 0, 0, 120_000, UTC)
SEALED = Sealed("key", "nonce", "", blob="sha256:" + "e" * 64)
SIGNAL = Signal("repo", LABEL, Trust.AUTHENTICATED)
DECISION = a_decision("eu", "on_prem")
FULL: list[Record] = [
    replace(
        a_decided("r", decision=DECISION),
        ask=Ask(
            "code",
            output_tokens_max=7,
            needs=frozenset({"a", "b"}),
            operation=Operation.GENERATE,
            reaches=frozenset({"x"}),
            replies=2,
        ),
        facts=replace(
            a_decided("r").facts, task="t", key="k", client="c", finding_counts={"iban": 1},
            paths=frozenset({"p"}),
        ),
        sealed=SEALED,
        run="run",
        allowance=Allowance(frozenset({"a"}), frozenset({"z"}), ("public",)),
        known_by="token",
        on_behalf_of=SEALED,
        allowed_kinds={"iban": 1},
        closed=frozenset({"eu"}),
        shadow=Shadow(("r",), Effect.DENY, frozenset({"eu", "on_prem"}), ("b",), ("o",)),
        granted=Grant(
            "id", GrantKind.WAIVER, "eu", LABEL, WHEN, WHEN, 3, LABEL, "repo", "team", "key"
        ),
        redaction=Redaction(
            LABEL, (SIGNAL,), frozenset({"iban"}), DECISION, {"iban": 1}, {"iban": 1}, "why"
        ),
        body="kept",
        team="pay",
        client="cli",
        sizes=Sizes(1, 2, 3, 4),
        mono_us=5,
    ),
    replace(
        an_attempted("r"),
        losses=("x",),
        sealed=SEALED,
        via_proxy="p:1",
        header_names=("a",),
        mono_us=6,
    ),
    replace(
        a_settled("r", tried=(replace(a_try(1), provider_id="p", address="a:1"),)),
        unable=("x",),
        sealed=SEALED,
        observed_region="eu",
        attestation=Attestation.MATCH,
        reply_kinds={"iban": 1},
        reply_masked=1,
        reply_cut="iban",
        reply_not_verified=("d",),
        reply_restored=1,
        reply_left=1,
        reply_body="kept",
        took_us=3,
        usage_estimated=True,
        waited_us=2,
        response_model="other",
        truncated=Truncated.CLIENT,
        mono_us=7,
    ),
    an_admin("quarantined", facts={"x": [1, {"y": None}], "z": True}, mono_us=8),
]  # fmt: skip
VALUES: tuple[Any, ...] = (
    None, True, 0, 1, -1, 1 << 62, 1 << 70, "", "x", "permit", "completed", [], ["a"], ["a", "a"],
    ["b", "a"], ["a", 1], [[]], [1], {}, {"a": 1}, {"a": "x"}, {"a": {}},
    "2026-11-21T12:00:00Z", "2026-11-21T12:00:00+02:00", "2026-11-21T12:00:00", "2026-11-21",
    "2026-11-21T12:00:00.000000Z",
)  # fmt: skip
GONE = object()


def bent(value: Any) -> Iterator[Any]:
    """Yield the value with one part of it at a time in another form, missing, or beside another."""
    yield from VALUES
    if isinstance(value, dict):
        yield value | {"more": 1}
        for name, part in value.items():
            yield {key: one for key, one in value.items() if key != name}
            for other in bent(part):
                yield value | {name: other}
    if isinstance(value, list):
        for at, part in enumerate(value):
            for other in bent(part):
                yield [*value[:at], other, *value[at + 1 :]]


def written(value: Any) -> bytes:
    return msgspec.json.encode(value, order="sorted")


def ours_reads(entry: bytes) -> bool:
    try:
        record = decode(entry)
    except EntryUnreadable:
        return False
    return not isinstance(record, Admin) or record.what in ADMIN_KINDS


def alone_reads(entry: bytes) -> bool:
    try:
        record = ALONE.canonical(entry)
        ALONE.formed(record)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return False
    return True


@pytest.mark.parametrize("record", FULL, ids=lambda one: type(one).__name__)
def test_every_field_in_every_other_form_is_read_by_both_or_by_neither(record: Record) -> None:
    whole = encode(record)
    assert ours_reads(whole)
    assert alone_reads(whole)
    read = 0
    for other in bent(msgspec.json.decode(whole)):
        entry = written(other)
        assert alone_reads(entry) == ours_reads(entry), entry
        read += ours_reads(entry)
    assert read > 10
