"""No personal datum in clear, keys apart, and what opens again and what does not."""

import asyncio
import sqlite3
import stat
from base64 import b64decode, b64encode
from pathlib import Path

import pytest
from msgspec import structs

from gateway.audit.record import Decided
from gateway.ledger import subject_keys
from gateway.ledger.ledger import field_of
from gateway.ledger.subject_keys import Field, KeyGone, SealBroken, SubjectKeys, month_of
from gateway.ledger.wrapping import FileWrapper
from tests.doubles.ledgers import (
    IDS,
    ORIGIN,
    a_boot,
    a_new_ledger,
    a_request,
    check_log,
    serve,
)
from tests.doubles.records import CANARIES, NOW_US, a_decided, a_person, a_settled, an_attempted

pytestmark = pytest.mark.anyio
ALL = (*CANARIES, "canary-metadata", "canary-print")
KEK = FileWrapper(b"k" * 32)
MONTH_US = 31 * 86_400_000_000


def stored_keys(root: Path) -> SubjectKeys:
    return SubjectKeys.make(root / "subjects.sqlite", ORIGIN, KEK)


async def test_no_personal_datum_stands_in_any_file_in_clear(tmp_path: Path) -> None:
    paths = a_new_ledger(tmp_path)
    async with a_boot(paths) as ledger:
        await asyncio.gather(*(serve(ledger, a_person()) for _ in range(5)))
        before, _ = a_request(ledger, a_person())
        await ledger.append(before)
        scanned = search(tmp_path)
    scanned += search(tmp_path)
    assert scanned > 20
    check_log(paths)


def search(root: Path) -> int:
    """Look for every canary in every file of the ledger, the keys and the store."""
    files = [path for path in root.rglob("*") if path.is_file()]
    for path in files:
        data = path.read_bytes()
        for canary in ALL:
            assert canary.encode() not in data, path.name
            assert b64encode(canary.encode())[:-4] not in data, path.name
    return len(files)


async def test_personal_fields_open_again_for_who_has_the_keys(tmp_path: Path) -> None:
    paths = a_new_ledger(tmp_path)
    person = a_person()
    async with a_boot(paths) as ledger:
        before, after = a_request(ledger, person)
        await ledger.append([*before, *after])
        found = ledger.reader.record_of(before[0][0].id)
        assert found is not None
        assert found.settled is not None
        assert await ledger.personal_of(found.decided) == person
        assert await ledger.personal_of(found.attempted[0]) == person
        assert await ledger.personal_of(found.settled) == person
        bare, _ = a_request(ledger)
        await ledger.append(bare)
        alone = ledger.reader.record_of(bare[0][0].id)
        assert alone is not None
        assert await ledger.personal_of(alone.decided) is None
        moved = structs.replace(found.decided, sealed=found.settled.sealed)
        with pytest.raises(SealBroken):
            await ledger.personal_of(moved)


async def test_the_first_request_of_a_subject_in_a_month_makes_its_key_durable_first(
    tmp_path: Path,
) -> None:
    paths = a_new_ledger(tmp_path)
    async with a_boot(paths) as ledger:
        for subject in ("a", "b", "a"):
            await serve(ledger, a_person(subject))
        late = a_decided(IDS.record_id(), boot=ledger.boot, ts_us=NOW_US + MONTH_US)
        await ledger.append([(late, a_person("a"))])
        made = [stored for stored in ledger.reader.entries() if b"subject_key_made" in stored.entry]
        assert len(made) == 3
        assert all(b'"month":"2026-1' in stored.entry for stored in made)
        assert all(b'"a"' not in stored.entry for stored in made)
    async with a_boot(paths) as ledger:
        await serve(ledger, a_person("a"))
        made = [stored for stored in ledger.reader.entries() if b"subject_key_made" in stored.entry]
        assert len(made) == 3
    check_log(paths)


async def test_callers_who_come_at_once_share_one_key(tmp_path: Path) -> None:
    paths = a_new_ledger(tmp_path)
    async with a_boot(paths) as ledger:
        await asyncio.gather(*(serve(ledger, a_person()) for _ in range(20)))
        keys = {
            record.decided.sealed.key
            for stored in ledger.reader.entries()
            if b'"type":"decided"' in stored.entry
            and (record := ledger.reader.record_of(name_in(stored.entry)))
            and record.decided.sealed
        }
        assert len(keys) == 1
        text = b"".join(stored.entry for stored in ledger.reader.entries())
        assert text.count(b"subject_key_made") == 1
    check_log(paths)


def name_in(entry: bytes) -> str:
    return entry.split(b'"id":"')[1].split(b'"')[0].decode()


async def test_adv_81_a_destroyed_key_leaves_the_log_whole_and_the_fields_closed(
    tmp_path: Path,
) -> None:
    paths = a_new_ledger(tmp_path)
    async with a_boot(paths) as ledger:
        before, _ = a_request(ledger, a_person())
        await ledger.append(before)
    with sqlite3.connect(paths.subject_keys) as sql:
        sql.execute("DELETE FROM keys")
    sql.close()
    async with a_boot(paths) as ledger:
        found = ledger.reader.record_of(before[0][0].id)
        assert found is not None
        with pytest.raises(KeyGone):
            await ledger.personal_of(found.decided)
    check_log(paths)


def test_sealed_fields_belong_to_one_record_and_one_place(tmp_path: Path) -> None:
    keys = stored_keys(tmp_path)
    key = keys.key("someone", "2026-11")
    person = a_person("someone")
    place = Field("r1", "decided")
    sealed = keys.seal(person, place, key)
    assert keys.open_sealed(sealed, place) == person
    for other in (Field("r2", "decided"), Field("r1", "settled"), Field("r1|decided", "")):
        with pytest.raises(SealBroken):
            keys.open_sealed(sealed, other)
    data = bytearray(b64decode(sealed.data))
    data[5] ^= 1
    for bent in (
        structs.replace(sealed, data=b64encode(bytes(data)).decode()),
        structs.replace(sealed, nonce=b64encode(bytes(12)).decode()),
        structs.replace(sealed, nonce="!"),
    ):
        with pytest.raises(SealBroken):
            keys.open_sealed(bent, place)
    with pytest.raises(KeyGone):
        keys.open_sealed(structs.replace(sealed, key="another"), place)
    keys.close()
    elsewhere = SubjectKeys.open(tmp_path / "subjects.sqlite", "another/log", KEK)
    with pytest.raises(SealBroken):
        elsewhere.open_sealed(sealed, place)
    elsewhere.close()


def test_the_same_fields_never_give_the_same_bytes(tmp_path: Path) -> None:
    keys = stored_keys(tmp_path)
    key = keys.key("someone", "2026-11")
    place = Field("r1")
    one, two = (keys.seal(a_person("someone"), place, key) for _ in range(2))
    assert one.data != two.data
    assert one.nonce != two.nonce
    keys.close()


def test_keys_and_pseudonyms_are_random_and_kept(tmp_path: Path) -> None:
    keys = stored_keys(tmp_path)
    first = keys.key("someone", "2026-11")
    assert first.fresh
    assert keys.key("someone", "2026-11").fresh
    keys.announced([first.id])
    assert not keys.key("someone", "2026-11").fresh
    assert keys.cached("someone", "2026-11") is not None
    assert keys.cached("someone", "2026-12") is None
    others = {keys.key("someone", "2026-12").id, keys.key("else", "2026-11").id}
    assert first.id not in others
    name = keys.subject("someone")
    assert name == keys.subject("someone") == keys.known("someone")
    assert {first.pseudonym, name.pseudonym} == {name.pseudonym}
    assert name.pseudonym != keys.subject("else").pseudonym
    assert name.secret != keys.subject("else").secret
    keys.close()
    again = SubjectKeys.open(tmp_path / "subjects.sqlite", ORIGIN, KEK)
    assert again.key("someone", "2026-11").id == first.id
    assert again.subject("someone") == name
    assert again._sql.execute("PRAGMA secure_delete").fetchone() == (1,)
    again.close()
    elsewhere = stored_keys(tmp_path / "sub" if (tmp_path / "sub").mkdir() is None else tmp_path)
    assert elsewhere.subject("someone") != name
    elsewhere.close()


def test_the_keys_in_memory_are_bounded(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(subject_keys, "KEYS_CACHED_MAX", 2)
    keys = stored_keys(tmp_path)
    for subject in "abc":
        keys.key(subject, "2026-11")
    assert keys.cached("a", "2026-11") is None
    assert keys.cached("b", "2026-11") is not None
    assert keys.cached("c", "2026-11") is not None
    keys.close()


def test_a_key_never_prints_itself(tmp_path: Path) -> None:
    keys = stored_keys(tmp_path)
    key = keys.key("someone", "2026-11")
    [(secret,)] = keys._sql.execute("SELECT key FROM keys").fetchall()
    assert secret.hex() not in repr(key)
    assert repr(secret) not in repr(key)
    keys.close()


def test_months_are_those_of_utc() -> None:
    assert month_of(0) == "1970-01"
    assert month_of(NOW_US) == "2026-11"
    assert month_of(1_798_761_599_999_999) == "2026-12"
    assert month_of(1_798_761_600_000_000) == "2027-01"


def test_each_record_has_a_place_of_its_own() -> None:
    places = [field_of(a_decided("r")), field_of(an_attempted("r", 2)), field_of(a_settled("r"))]
    assert [place.name for place in places] == ["decided", "attempted/2", "settled"]
    assert {place.record_id for place in places} == {a_decided("r").id}
    assert isinstance(a_decided("r"), Decided)


async def test_secrets_are_readable_by_us_alone(tmp_path: Path) -> None:
    paths = a_new_ledger(tmp_path)
    async with a_boot(paths) as ledger:
        await serve(ledger, a_person())
    for path in (paths.signing_key, paths.subject_keys, paths.checkpoints):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(paths.ledger.stat().st_mode) & 0o077 == 0


PRINCIPAL = "canary-principal@example.com"


async def test_whom_a_service_acted_for_is_sealed_under_that_persons_own_key(tmp_path) -> None:
    paths = a_new_ledger(tmp_path)
    acting = structs.replace(a_person("svc@example.com"), on_behalf_of=PRINCIPAL)
    async with a_boot(paths) as ledger:
        decided, _ = a_request(ledger, acting)
        await ledger.append(decided)
        kept = ledger.reader.record_of(decided[0][0].id).decided
        opened = ledger.personal(kept)
        assert (opened.subject, opened.on_behalf_of) == ("svc@example.com", PRINCIPAL)
        assert kept.on_behalf_of.key != kept.sealed.key
        for path in (path for path in tmp_path.rglob("*") if path.is_file()):
            assert PRINCIPAL.encode() not in path.read_bytes()
    gone(paths.subject_keys, kept.on_behalf_of.key)
    async with a_boot(paths) as ledger:
        opened = ledger.personal(kept)
        assert (opened.subject, opened.on_behalf_of) == ("svc@example.com", "")
        assert (await ledger.personal_of(kept)) == opened


def gone(store: Path, key: str) -> None:
    with sqlite3.connect(store) as sql:
        assert sql.execute("DELETE FROM keys WHERE id = ?", (key,)).rowcount == 1
