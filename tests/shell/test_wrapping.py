"""The key that wraps the subject keys: a copy of the store alone opens nothing."""

import sqlite3
from pathlib import Path

import pytest
from msgspec.structs import replace

from gateway.domain.errors import LedgerUnavailable
from gateway.ledger import wrapping
from gateway.ledger.create import create
from gateway.ledger.files import Files
from gateway.ledger.key_store import VERSION, KeysUnreadable
from gateway.ledger.subject_keys import Field, SubjectKeys, open_keys
from gateway.ledger.wrapping import FileWrapper, WrapBroken
from tests.doubles.ledgers import INCEPTION, ORIGIN, a_boot, a_new_ledger, ledger_paths, serve
from tests.doubles.records import NOW_US, a_person

KEY = b"k" * 32


def test_what_is_wrapped_opens_at_its_own_place_alone() -> None:
    wrapper = FileWrapper(KEY)
    one, two = (wrapper.wrap(b"a key", b"here") for _ in range(2))
    assert one != two
    assert wrapper.unwrap(one, b"here") == b"a key"
    bent = one[:-1] + bytes([one[-1] ^ 1])
    for wrapped, bound in ((one, b"there"), (bent, b"here"), (b"", b"here"), (one[:12], b"here")):
        with pytest.raises(WrapBroken):
            wrapper.unwrap(wrapped, bound)
    with pytest.raises(WrapBroken):
        FileWrapper(b"o" * 32).unwrap(one, b"here")


def test_a_wrapping_key_tells_itself_from_others_and_never_prints_itself() -> None:
    wrapper = FileWrapper(KEY)
    assert wrapper.id == FileWrapper(KEY).id != FileWrapper(b"o" * 32).id
    assert repr(wrapper) == f"FileWrapper({wrapper.id}, ***)"


def test_the_file_of_the_key_is_ours_alone_or_refused(tmp_path: Path) -> None:
    path = tmp_path / "wrapping.key"
    made = wrapping.make(path, Files())
    assert path.stat().st_mode & 0o077 == 0
    assert wrapping.load(path).id == made.id
    path.chmod(0o640)
    with pytest.raises(LedgerUnavailable, match="open to other users"):
        wrapping.load(path)
    for text in ("", "PERIMETER+WRAPPING+KEY+1+AAAA", "PERIMETER+WRAPPING+KEY+1+!", "A" * 44):
        path.write_text(text)
        path.chmod(0o600)
        with pytest.raises(LedgerUnavailable, match="damaged"):
            wrapping.load(path)
    path.unlink()
    with pytest.raises(LedgerUnavailable, match="cannot be read"):
        wrapping.load(path)


@pytest.mark.anyio
async def test_no_key_and_no_secret_stands_in_the_store_unwrapped(tmp_path: Path) -> None:
    paths = a_new_ledger(tmp_path)
    async with a_boot(paths) as ledger:
        await serve(ledger, a_person("someone"))
        who = ledger.subjects.subject("someone")
        pepper = ledger.subjects._pepper
        data = paths.subject_keys.read_bytes()
        assert who.secret not in data
        assert pepper not in data
        assert who.pseudonym.encode() in data
        assert repr(who) == f"Subject({who.pseudonym}, ***)"


@pytest.mark.anyio
async def test_the_store_opens_with_no_other_key(tmp_path: Path) -> None:
    paths = a_new_ledger(tmp_path)
    async with a_boot(paths) as ledger:
        await serve(ledger, a_person("someone"))
    wrapping.make(paths.wrapping, Files())
    with pytest.raises(LedgerUnavailable, match="wrapped by another key"):
        open_keys(paths, ORIGIN)
    paths.wrapping.unlink()
    with pytest.raises(LedgerUnavailable, match="wrapping key cannot be read"):
        async with a_boot(paths):
            pass


def test_a_key_in_the_place_of_another_is_not_believed(tmp_path: Path) -> None:
    keys = SubjectKeys.make(tmp_path / "keys.sqlite", ORIGIN, FileWrapper(KEY))
    mine, other = keys.key("ada", "2026-11"), keys.key("bob", "2026-11")
    sealed = keys.seal(a_person("ada"), Field("r1"), mine)
    with keys._sql as sql:
        sql.execute(
            "UPDATE keys SET key = (SELECT key FROM keys WHERE id = ?) WHERE id = ?",
            (other.id, mine.id),
        )
    with pytest.raises(KeysUnreadable):
        keys.open_sealed(sealed, Field("r1"))
    keys.close()


def test_a_store_of_another_version_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "keys.sqlite"
    SubjectKeys.make(path, ORIGIN, FileWrapper(KEY)).close()
    with sqlite3.connect(path) as sql:
        sql.execute(f"PRAGMA user_version = {VERSION - 1}")
    sql.close()
    for way in (SubjectKeys.open, SubjectKeys.make):
        with pytest.raises(LedgerUnavailable, match="another version"):
            way(path, ORIGIN, FileWrapper(KEY))


def test_a_second_log_uses_the_same_keys_and_never_replaces_them(tmp_path: Path) -> None:
    paths = a_new_ledger(tmp_path / "one")
    wrapper = paths.wrapping.read_bytes()
    second = ledger_paths(tmp_path / "two")
    second = replace(second, subject_keys=paths.subject_keys)
    create(second, "perimeter.example/gw-1", NOW_US, INCEPTION)
    assert paths.wrapping.read_bytes() == wrapper
    paths.wrapping.unlink()
    third = replace(ledger_paths(tmp_path / "three"), subject_keys=paths.subject_keys)
    with pytest.raises(LedgerUnavailable, match="wrapping key"):
        create(third, "perimeter.example/gw-2", NOW_US, INCEPTION)
