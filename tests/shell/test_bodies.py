"""Kept bodies: each sealed under a key of its own, bound to its record, gone when it is over."""

from datetime import date
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from gateway.ledger.bodies import BodyStore
from gateway.ledger.subject_keys import Field, KeyGone, SealBroken, SubjectKeys
from gateway.ledger.wrapping import FileWrapper
from tests.doubles.ledgers import ORIGIN
from tests.doubles.records import NOW_US

DATA = b"c4n4ry-body " * 40
PLACE = Field("r1", "decided/body")
DAY_US = 86_400_000_000


@pytest.fixture
def keys(tmp_path: Path) -> SubjectKeys:
    return SubjectKeys.make(tmp_path / "keys.sqlite", ORIGIN, FileWrapper(b"k" * 32))


@pytest.fixture
def store(tmp_path: Path) -> BodyStore:
    return BodyStore(tmp_path / "bodies", ORIGIN)


def files_of(tmp_path: Path) -> list[Path]:
    return [path for path in (tmp_path / "bodies").rglob("*") if path.is_file()]


def test_a_body_opens_at_its_own_record_alone(tmp_path, keys, store) -> None:
    body_id = store.put(DATA, PLACE, keys.key("ada", "2026-11"), NOW_US)
    assert store.get(body_id, PLACE, keys.cipher_of) == DATA
    [path] = files_of(tmp_path)
    assert path.stat().st_mode & 0o077 == 0
    assert path.parent.stat().st_mode & 0o077 == 0
    assert b"c4n4ry" not in path.read_bytes()
    for other in (Field("r2", "decided/body"), Field("r1", "settled/body")):
        with pytest.raises(SealBroken):
            store.get(body_id, other, keys.cipher_of)
    with pytest.raises(SealBroken):
        BodyStore(tmp_path / "bodies", "another/log").get(body_id, PLACE, keys.cipher_of)


def test_a_body_that_was_changed_or_moved_does_not_open(tmp_path, keys, store) -> None:
    key = keys.key("ada", "2026-11")
    one, two = (store.put(DATA, PLACE, key, NOW_US) for _ in range(2))
    path = next(path for path in files_of(tmp_path) if path.name == one)
    whole, other = path.read_bytes(), path.with_name(two).read_bytes()
    assert whole != other
    bent = [whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :] for at in range(0, 120, 7)]
    for data in (*bent, other, b"", whole[:30], whole[:-1]):
        path.write_bytes(data)
        with pytest.raises((SealBroken, KeyGone)):
            store.get(one, PLACE, keys.cipher_of)


def test_each_body_has_a_key_of_its_own(keys, store) -> None:
    drawn: list[bytes] = []
    key = keys.key("ada", "2026-11")
    store._chance = lambda size: drawn.append(bytes([len(drawn)]) * size) or drawn[-1]
    store.put(DATA, PLACE, key, NOW_US)
    store.put(DATA, PLACE, key, NOW_US)
    body_keys = [one for one in drawn if len(one) == 32]
    assert len(set(body_keys)) == 2
    assert len({one for one in drawn if len(one) == 12}) == 4


def test_without_the_key_of_its_subject_no_body_opens(tmp_path, keys, store) -> None:
    key = keys.key("ada", "2026-11")
    body_id = store.put(DATA, PLACE, key, NOW_US)
    [path] = files_of(tmp_path)
    kept = path.read_bytes()
    keys.erase(key.pseudonym, b"", "sha256:00")
    with pytest.raises(KeyGone):
        store.get(body_id, PLACE, keys.cipher_of)
    assert store.erase(key.pseudonym) == 1
    assert files_of(tmp_path) == []
    assert store.erase(key.pseudonym) == 0
    # A copy of the file that somebody kept opens under no key that is left.
    path.parent.mkdir(parents=True)
    path.write_bytes(kept)
    other = keys.key("bob", "2026-11")
    with pytest.raises(SealBroken):
        store.get(body_id, PLACE, lambda _: other.cipher)


def test_no_name_leads_out_of_the_folder(tmp_path, keys, store) -> None:
    store.put(DATA, PLACE, keys.key("ada", "2026-11"), NOW_US)
    precious = tmp_path / "precious"
    precious.mkdir()
    assert store.erase("../precious") == 0
    assert store.erase("") == 0
    assert precious.is_dir()
    assert len(files_of(tmp_path)) == 1
    for odd in ("*", "../keys.sqlite", "", "too_large"):
        with pytest.raises(KeyGone):
            store.get(odd, PLACE, lambda _: AESGCM(b"k" * 32))


def test_days_that_are_over_go_and_what_is_held_stays(tmp_path, keys, store) -> None:
    ada, bob = keys.key("ada", "2026-11"), keys.key("bob", "2026-11")
    old = [store.put(DATA, PLACE, key, NOW_US - 40 * DAY_US) for key in (ada, ada, bob)]
    new = store.put(DATA, PLACE, ada, NOW_US)
    before = date(2026, 11, 1)
    due = store.due(before, lambda pseudonym, _: pseudonym == bob.pseudonym)
    assert (due.bodies, due.held) == (2, 1)
    store.prune(due)
    assert {path.name for path in files_of(tmp_path)} == {old[2], new}
    due = store.due(before, lambda _, month: month == "2026-10")
    assert (due.days, due.bodies, due.held) == ((), 0, 1)
    due = store.due(before, lambda *_: False)
    store.prune(due)
    assert {path.name for path in files_of(tmp_path)} == {new}
    assert BodyStore(tmp_path / "none", ORIGIN).due(before, lambda *_: False).days == ()
