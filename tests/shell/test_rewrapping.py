"""The wrapping key is changed: the former opens nothing here, and no crash leaves a closed store.

What is shown of a key in a file is shown of one in a key service as well.
"""

import asyncio
import os
import signal
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from msgspec.structs import replace

from gateway.audit.record import Sealed
from gateway.domain.errors import LedgerUnavailable
from gateway.ledger import key_store, wrapping
from gateway.ledger.files import Files
from gateway.ledger.key_store import KeysUnreadable
from gateway.ledger.paths import LedgerPaths
from gateway.ledger.rewrapping import WrappingFiles, finish, rewrap
from gateway.ledger.subject_keys import Field, SubjectKeys, open_keys
from gateway.ledger.wrapping import FileWrapper, WrapBroken, Wrapper
from tests.doubles.key_service import KeyService, ServiceWrapper, key_service
from tests.doubles.ledgers import ORIGIN, a_boot, a_new_ledger, serve
from tests.doubles.records import a_person

PERSONS = ("ada", "bob", "cleo")
MONTHS = ("2026-11", "2026-12")
PLACE = Field("r1")
STEPS_MAX = 200

Make = Callable[[str], Wrapper]


@pytest.fixture(params=["file", "service"])
def service(request: pytest.FixtureRequest) -> Iterator[KeyService | None]:
    if request.param == "file":
        yield None
        return
    with key_service() as one:
        yield one


@pytest.fixture
def make(service: KeyService | None) -> Make:
    """Make a key by its name: of a file, or in a service."""

    def made(name: str) -> Wrapper:
        key = FileWrapper(name.encode().ljust(32, b"."))
        if service is None:
            return key
        service.keys[name] = key
        return ServiceWrapper(service, name)

    return made


def filled(
    path: Path, wrapper: Wrapper, persons: tuple[str, ...] = PERSONS
) -> dict[tuple[str, str], Sealed]:
    """Make a store with keys of everybody; return something sealed under each."""
    keys = SubjectKeys.make(path, ORIGIN, wrapper)
    sealed = {}
    for who in persons:
        for month in MONTHS:
            key = keys.key(who, month)
            sealed[who, month] = keys.seal(a_person(who), PLACE, key)
    keys.close()
    return sealed


def assert_opens(keys: SubjectKeys, sealed: dict[tuple[str, str], Sealed]) -> None:
    for (who, _), one in sealed.items():
        assert keys.open_sealed(one, PLACE) == a_person(who)
        assert keys.known(who) is not None


def blobs_in(path: Path) -> list[bytes]:
    """Return everything that is wrapped in the store."""
    with closing(sqlite3.connect(path)) as sql:
        return [
            row[0]
            for asked in ("value FROM pepper", "secret FROM subjects", "key FROM keys")
            for row in sql.execute(f"SELECT {asked}")
        ]


def test_what_is_wrapped_opens_at_its_own_place_alone(make: Make) -> None:
    wrapper, other = make("one"), make("two")
    assert wrapper.id != other.id
    wrapped = wrapper.wrap(b"a key", b"here")
    assert wrapped != wrapper.wrap(b"a key", b"here")
    assert b"a key" not in wrapped
    assert wrapper.unwrap(wrapped, b"here") == b"a key"
    bent = wrapped[:-1] + bytes([wrapped[-1] ^ 1])
    for text, bound in ((wrapped, b"there"), (bent, b"here"), (b"", b"here")):
        with pytest.raises(WrapBroken):
            wrapper.unwrap(text, bound)
    with pytest.raises(WrapBroken):
        other.unwrap(wrapped, b"here")


def test_everything_is_wrapped_anew_and_the_former_key_opens_nothing(
    tmp_path: Path, make: Make
) -> None:
    path, old, new = tmp_path / "keys.sqlite", make("one"), make("two")
    sealed = filled(path, old)
    before = blobs_in(path)
    with closing(key_store.connect(path)) as sql:
        rewrap(sql, old, new)
        sql.execute("VACUUM")
    after = blobs_in(path)
    assert len(after) == len(before) == 1 + len(PERSONS) + len(sealed)
    assert not set(before) & set(after)
    with pytest.raises(LedgerUnavailable, match="another key"):
        SubjectKeys.open(path, ORIGIN, old)
    keys = SubjectKeys.open(path, ORIGIN, new)
    assert_opens(keys, sealed)
    keys.close()
    files = [one.read_bytes() for one in tmp_path.iterdir()]
    assert files
    assert not [blob for blob in before for data in files if blob in data]


def test_a_key_that_cannot_be_asked_changes_nothing(
    tmp_path: Path, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, old, new = tmp_path / "keys.sqlite", make("one"), make("two")
    sealed = filled(path, old)
    before = path.read_bytes()
    wrap, left = new.wrap, iter(range(5))

    def failing(key: bytes, bound: bytes) -> bytes:
        if next(left, None) is None:
            raise ConnectionError
        return wrap(key, bound)

    monkeypatch.setattr(type(new), "wrap", lambda _, key, bound: failing(key, bound))
    with closing(key_store.connect(path)) as sql, pytest.raises(ConnectionError):
        rewrap(sql, old, new)
    monkeypatch.undo()
    assert path.read_bytes() == before
    keys = SubjectKeys.open(path, ORIGIN, old)
    assert_opens(keys, sealed)
    keys.close()


def test_one_key_that_does_not_open_is_lost_by_nobody_else(tmp_path: Path, make: Make) -> None:
    path, old = tmp_path / "keys.sqlite", make("one")
    filled(path, old)
    with closing(sqlite3.connect(path)) as sql, sql:
        sql.execute("UPDATE keys SET key = x'00' WHERE id = (SELECT MAX(id) FROM keys)")
    before = blobs_in(path)
    with closing(key_store.connect(path)) as sql, pytest.raises(KeysUnreadable):
        rewrap(sql, old, make("two"))
    assert blobs_in(path) == before


def test_who_still_has_the_former_key_adds_nothing_under_it(tmp_path: Path, make: Make) -> None:
    """A second gateway on the same store: what it added would be lost with the former key."""
    path, old, new = tmp_path / "keys.sqlite", make("one"), make("two")
    filled(path, old)
    late = SubjectKeys.open(path, ORIGIN, old)
    with closing(key_store.connect(path)) as sql:
        rewrap(sql, old, new)
    before = len(blobs_in(path))
    for ask in (lambda: late.key("ada", "2027-01"), lambda: late.subject("dan")):
        with pytest.raises(KeysUnreadable):
            ask()
    late.close()
    assert len(blobs_in(path)) == before


@pytest.mark.anyio
async def test_a_key_service_that_does_not_answer_refuses_and_loses_nothing(tmp_path: Path) -> None:
    with key_service() as service:
        service.keys["one"] = FileWrapper(b"1" * 32)
        wrapper = ServiceWrapper(service, "one")
        sealed = filled(tmp_path / "keys.sqlite", wrapper)
        paths = a_new_ledger(tmp_path)
        async with a_boot(paths) as ledger:
            ledger._parts.keys.close()
            keys = SubjectKeys.open(tmp_path / "keys.sqlite", ORIGIN, wrapper)
            ledger._parts = replace(ledger._parts, keys=keys)
            service.down = True
            with pytest.raises(LedgerUnavailable, match="key store"):
                await serve(ledger, a_person("dan"))
            service.down = False
            await serve(ledger, a_person("dan"))
            assert_opens(keys, sealed)
            keys.close()
    assert {"wrap", "unwrap"} == set(service.asked)


@pytest.fixture
def unsynced(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing waits for the disk: whoever is killed loses nothing that was written."""
    connect = key_store.connect

    def at_once(path: Path) -> sqlite3.Connection:
        connection = connect(path)
        connection.execute("PRAGMA synchronous = OFF")
        return connection

    monkeypatch.setattr(key_store, "connect", at_once)
    for name in ("sync", "sync_folder"):
        monkeypatch.setattr(Files, name, lambda *_: None)


def a_store(root: Path) -> tuple[LedgerPaths, dict[tuple[str, str], Sealed]]:
    root.mkdir()
    paths = LedgerPaths(root / "l", root / "s", root / "c", root / "keys.sqlite")
    return paths, filled(paths.subject_keys, wrapping.make(paths.wrapping, Files()), PERSONS[:1])


def rotated(paths: LedgerPaths, told: Path) -> None:
    """Change the key as the command does, with a file for the ledger."""
    files = WrappingFiles(paths, Files())

    async def tell(what: str, facts: object) -> None:
        with told.open("a") as file:
            file.write(f"{what} {facts}\n")

    if not files.unfinished():
        files.rewrap()
    asyncio.run(finish(files, tell))


def test_the_new_file_takes_the_place_of_the_former(tmp_path: Path) -> None:
    paths, sealed = a_store(tmp_path / "one")
    former = wrapping.load(paths.wrapping)
    rotated(paths, tmp_path / "told")
    now = wrapping.load(paths.wrapping)
    assert now.id != former.id
    assert sorted(path.name for path in paths.wrapping.parent.iterdir()) == [
        "keys.sqlite", "wrapping.key",
    ]  # fmt: skip
    facts = {"from": former.id, "to": now.id, "keys": len(sealed)}
    assert (tmp_path / "told").read_text() == f"wrapping_key_rotated {facts}\n"


class Doom:
    """Kills this process at one step: a statement of SQLite, a wrap, an act on a file."""

    def __init__(self, at: int) -> None:
        self._left = at

    def step(self, *_: object) -> None:
        self._left -= 1
        if self._left < 0:
            os.kill(os.getpid(), signal.SIGKILL)

    def over(self, act: Callable[..., object]) -> Callable[..., object]:
        def doomed(*words: object) -> object:
            self.step()
            done = act(*words)
            self.step()
            return done

        return doomed


def killed_at(step: int, paths: LedgerPaths, told: Path) -> bool:
    """Change the key in a process that is killed at that step; False when it came to the end."""
    child = os.fork()
    if child == 0:
        _doomed(Doom(step), paths, told)
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status) or os.WEXITSTATUS(status) == 0
    return os.WIFSIGNALED(status)


def _doomed(doom: Doom, paths: LedgerPaths, told: Path) -> None:
    try:
        # WHY: this process ends here, so nothing that it changes outlives it.
        connect = key_store.connect

        def watched(path: Path) -> sqlite3.Connection:
            connection = connect(path)
            connection.set_trace_callback(doom.step)
            return connection

        key_store.connect = watched
        for name in ("create", "write", "sync", "rename", "sync_folder"):
            setattr(Files, name, doom.over(getattr(Files, name)))
        FileWrapper.wrap = doom.over(FileWrapper.wrap)  # type: ignore[method-assign]
        rotated(paths, told)
        os._exit(0)
    finally:
        os._exit(1)


def test_a_kill_at_any_step_leaves_a_store_that_opens_and_a_change_that_is_told(
    tmp_path: Path, unsynced: None
) -> None:
    names = set()
    for step in range(STEPS_MAX):
        paths, sealed = a_store(tmp_path / f"{step}")
        told = tmp_path / f"{step}.told"
        former = wrapping.load(paths.wrapping).id
        is_killed = killed_at(step, paths, told)
        keys = open_keys(paths, ORIGIN)
        assert_opens(keys, sealed)
        names.add((keys._wrapper.id == former, told.exists()))
        keys.key("dan", "2027-01")
        keys.close()
        if not is_killed:
            break
        rotated(paths, told)
        keys = open_keys(paths, ORIGIN)
        assert_opens(keys, sealed)
        assert keys.known("dan") is not None
        assert keys._wrapper.id == wrapping.load(paths.wrapping).id != former
        assert f"'from': '{former}'" in told.read_text().splitlines()[0]
        assert not list(paths.wrapping.parent.glob("*.next"))
        keys.close()
    else:
        raise AssertionError("it never came to its end")
    assert names == {(True, False), (False, False), (False, True)}
