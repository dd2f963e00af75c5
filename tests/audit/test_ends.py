"""How shards begin and end: what a record may say of keys and neighbours."""

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from gateway.audit.canonical import encode
from gateway.audit.checkpoint import Vkey, body, sign, vkey_of
from gateway.audit.ends import Carried, Former, Next, facts_of
from gateway.audit.story import Broken, Story
from gateway.audit.tree import leaf_hash, root_of
from gateway.audit.verify import Verdict, is_signed_by, verify
from tests.doubles.records import a_settled, an_admin, an_attempted, an_id

ORIGIN, LATER = "perimeter.example/gw-0", "perimeter.example/gw-0/0002-2026-12"
PRIVATE, FRESH = Ed25519PrivateKey.generate(), Ed25519PrivateKey.generate()


def vkey(private: Ed25519PrivateKey = PRIVATE, name: str = ORIGIN) -> str:
    return str(vkey_of(name, private))


FORMER = facts_of(Former("perimeter.example/gw", 9, "ab" * 32))
CREATED = an_admin("created", boot="", facts={"origin": ORIGIN, "vkey": vkey()})
FOLLOWING = an_admin("created", boot="", facts=CREATED.facts | {"former": FORMER})
STARTED = an_admin("started")
OPEN = Carried(an_id("r"), an_id("earlier"), frozenset({"on_prem"}), ("qwen3-coder@on_prem",))
CARRIED = an_admin("carried", boot="", facts=facts_of(OPEN))
CLOSED = an_admin("shard_closed", facts=facts_of(Next(LATER, vkey(PRIVATE, LATER))))
ROTATED = an_admin("key_rotated", facts={"vkey": vkey(FRESH)})


def told(*records) -> Story:
    story = Story()
    for record in records:
        story.read(record)
    return story


def test_a_shard_says_whom_it_follows_and_who_follows_it() -> None:
    ends = told(CREATED, STARTED, CLOSED).ends
    assert (ends.origin, ends.vkey, ends.former) == (ORIGIN, vkey(), None)
    assert ends.next == Next(LATER, vkey(PRIVATE, LATER))
    assert told(FOLLOWING).ends.former == Former("perimeter.example/gw", 9, "ab" * 32)


def test_what_was_open_goes_on_where_it_was_carried_to() -> None:
    earlier = an_id("earlier")
    story = told(FOLLOWING, CARRIED, STARTED)
    assert story.open_requests == {an_id("r"): OPEN}
    with pytest.raises(Broken, match="of another boot"):
        story.read(an_attempted("r", boot=earlier))
    again = an_admin("started", "again", boot="earlier")
    story = told(FOLLOWING, CARRIED, again, an_attempted("r", boot="earlier"))
    story.read(a_settled("r", boot="earlier"))
    assert (story.open, story.settled) == (0, 1)


def test_after_a_rotation_the_next_shard_has_the_new_key() -> None:
    closed = an_admin("shard_closed", facts=facts_of(Next(LATER, vkey(FRESH, LATER))))
    ends = told(CREATED, STARTED, ROTATED, closed).ends
    assert ends.rotated is not None
    assert (ends.rotated.index, str(ends.rotated.vkey)) == (2, vkey(FRESH))


WRONG = {
    "a record after the end": (CREATED, STARTED, CLOSED, an_admin("heartbeat")),
    "a former that is none": (
        an_admin("created", boot="", facts=CREATED.facts | {"former": {"size": 1}}),
    ),
    "carried into a first shard": (CREATED, CARRIED),
    "carried after the start": (FOLLOWING, STARTED, CARRIED),
    "carried twice": (FOLLOWING, CARRIED, an_admin("carried", "two", boot="", facts=CARRIED.facts)),
    "carried without a form": (FOLLOWING, an_admin("carried", boot="", facts={"request": "r"})),
    "carried by no id": (
        FOLLOWING,
        an_admin("carried", boot="", facts=CARRIED.facts | {"request": "r"}),
    ),
    "a rotation to the same key": (
        CREATED,
        STARTED,
        an_admin("key_rotated", facts={"vkey": vkey()}),
    ),
    "a rotation to a key of another log": (
        CREATED,
        STARTED,
        an_admin("key_rotated", facts={"vkey": vkey(FRESH, LATER)}),
    ),
    "a rotation to no key": (CREATED, STARTED, an_admin("key_rotated", facts={})),
    "a second rotation": (
        CREATED,
        STARTED,
        ROTATED,
        an_admin("key_rotated", "two", facts={"vkey": vkey(Ed25519PrivateKey.generate())}),
    ),
    "closed without a next": (CREATED, STARTED, an_admin("shard_closed")),
    "closed for itself": (
        CREATED,
        STARTED,
        an_admin("shard_closed", facts=facts_of(Next(ORIGIN, vkey()))),
    ),
    "closed for no key": (
        CREATED,
        STARTED,
        an_admin("shard_closed", facts=facts_of(Next(LATER, "none"))),
    ),
    "closed for a key of another name": (
        CREATED,
        STARTED,
        an_admin("shard_closed", facts=facts_of(Next(LATER, vkey()))),
    ),
    "closed for a key never announced": (
        CREATED,
        STARTED,
        an_admin("shard_closed", facts=facts_of(Next(LATER, vkey(FRESH, LATER)))),
    ),
    "closed for a key rotated out": (CREATED, STARTED, ROTATED, CLOSED),
    "closed by a log without a key": (
        an_admin("created", boot="", facts={"origin": ORIGIN}),
        STARTED,
        CLOSED,
    ),
    "closed while no gateway runs": (CREATED, CLOSED),
}


@pytest.mark.parametrize("how", WRONG)
def test_what_a_shard_cannot_say_is_named(how: str) -> None:
    *before, last = WRONG[how]
    story = told(*before)
    with pytest.raises(Broken):
        story.read(last)


def test_going_on_in_the_middle_keeps_the_keys() -> None:
    story = Story()
    story.ends.go_on(vkey_of(ORIGIN, PRIVATE), None)
    assert story.ends.rotated is None
    story.ends.go_on(vkey_of(ORIGIN, PRIVATE), Vkey(ORIGIN, b"0" * 32))
    assert story.ends.read(ROTATED, 7) == "a key was announced in this shard already"


def test_a_checkpoint_above_the_announcement_carries_the_announced_key() -> None:
    rotated = told(CREATED, STARTED, ROTATED).ends.rotated
    text = body(ORIGIN, 3, b"0" * 32)
    one, both = sign(text, ORIGIN, PRIVATE), sign(text, ORIGIN, PRIVATE, FRESH)
    assert is_signed_by(one, 2, rotated)
    assert not is_signed_by(one, 3, rotated)
    assert is_signed_by(both, 3, rotated)
    assert is_signed_by(one, 3, None)


@pytest.mark.parametrize(
    ("keys", "verdict", "first_bad"),
    [((PRIVATE,), Verdict.TAMPERED, 2), ((PRIVATE, FRESH), Verdict.WHOLE, None)],
)
def test_a_log_whose_key_was_rotated_is_whole_under_both_alone(keys, verdict, first_bad) -> None:
    entries = [encode(one) for one in (CREATED, STARTED, ROTATED)]
    text = body(ORIGIN, 3, root_of(map(leaf_hash, entries)))
    report = verify(entries, sign(text, ORIGIN, *keys), vkey())
    assert (report.verdict, report.first_bad) == (verdict, first_bad)
