"""A group may read the evidence: no key, no lock, nothing that is not named; and change nothing.

Modes prove it everywhere; where processes of other users can be made, these try.
"""

import asyncio
import os
import signal
import stat
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pytest

from gateway.app import inbox, queries
from gateway.app.queries import READINGS_PER_HOUR_MAX, WAITING_MAX, Queries
from gateway.app.query import Query
from gateway.audit.canonical import decode
from gateway.audit.record import Admin
from gateway.cli import explain, verify
from gateway.cli import ledger as ledger_command
from gateway.cli.audit import telling
from gateway.domain.errors import LedgerUnavailable
from gateway.ledger import cosigned, pruning
from gateway.ledger.facts import FactsIndex, parts_of
from gateway.ledger.files import Files
from gateway.ledger.lending import FOLDER_MODE, QUERIES_MODE, LentFiles, files_for, lend
from gateway.ledger.parts import Options
from gateway.ledger.paths import LedgerPaths
from gateway.ledger.reading import Reading
from gateway.ledger.shards import shards
from tests.doubles.another_user import (
    AUDITOR,
    GROUP,
    OWNER,
    STRANGER,
    User,
    a_group,
    a_place,
    as_user,
    begun,
    ended,
    is_root,
    modes,
    read_by,
    readable_by_group,
    refused,
)
from tests.doubles.gateway_folders import ran
from tests.doubles.ledgers import a_boot, a_new_ledger, check_log, serve
from tests.doubles.records import a_person
from tests.shell.test_ledger_blobs import a_person_with_many_findings

WAIT_S = 60.0
PRELOADED = (explain, verify, ledger_command)
FILES = {"origin", "vkey", "checkpoint", "leaves", "last", "index.sqlite", "facts.sqlite"}
ENDS = ("-wal", "-shm")


@pytest.fixture
def place() -> Iterator[Path]:
    with a_place() as found:
        yield found


@pytest.fixture(scope="module", autouse=True)
def warm(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Load what another user may not be able to read from where Python and we are installed."""
    root = tmp_path_factory.mktemp("warm")
    paths = a_new_ledger(root)
    asyncio.run(kept(paths, Files(), lambda: None, 0.3))
    for words in asked_of(str(paths.ledger), root / "tiles"):
        assert ran(*words, *(["--copy"] if words[0] == "audit" else [])).code == 0
    assert ran("audit", "requests", "--ledger", str(root)).code == 2


def asked_of(ledger: str, out: Path) -> tuple[tuple[str, ...], ...]:
    """Return what an auditor asks of a ledger."""
    return (
        ("audit", "requests", "--ledger", ledger),
        ("audit", "completeness", "--ledger", ledger, "--prove"),
        ("verify", ledger),
        ("ledger", "tiles", ledger, str(out)),
    )


async def filled(paths: LedgerPaths, files: Files) -> None:
    """Write everything that can lie in the folder of a ledger."""
    async with a_boot(paths, Options(files=files)) as ledger:
        await ledger.store_document({"a": "policy"}, "policy")
        await serve(ledger, a_person_with_many_findings())
        await ledger.hand_over()
        await ledger.store_document({"a": "catalogue"}, "catalog")
        await serve(ledger, a_person())
    first, last = shards(paths.folder)
    pruning.keep_leaves(first, files)
    cosigned.keep(last, files, last.checkpoint.read_text())
    parts = parts_of(paths.folder)
    index = FactsIndex.make(paths.folder.facts, parts)
    index.catch_up(parts)
    index.close()


def is_evidence(name: str) -> bool:
    path = Path(name)
    stem = path.name.removesuffix(ENDS[0]).removesuffix(ENDS[1])
    folders = {"journal", "documents", "blobs", "cosigned"}
    return path.parent.name in folders or stem in FILES


@pytest.mark.parametrize("umask", [0o022, 0o077])
def test_the_group_reads_the_evidence_and_nothing_else(place: Path, umask: int) -> None:
    old = os.umask(umask)
    name, gid = a_group()
    try:
        paths = a_new_ledger(place)
        planted = paths.ledger / "signing.key"
        planted.write_text("a key that somebody put here")
        planted.chmod(0o600)
        asyncio.run(filled(paths, files_for(paths.ledger, name)))
    finally:
        os.umask(old)
    lent = readable_by_group(place, gid)
    there = {str(one.relative_to(place)) for one in place.rglob("*") if one.is_file()}
    evidence = {one for one in there if one.startswith("ledger/") and is_evidence(one)}
    assert lent == evidence
    assert {Path(one).name.removesuffix(".seg")[-6:] for one in lent} >= {"vkey", "000000"}
    assert {Path(one).parent.name for one in lent} >= {"journal", "documents", "blobs", "cosigned"}
    assert there - lent >= {
        "ledger/lock", "ledger/signing.key", "keys/signing.key", "keys/subjects.sqlite",
        "keys/wrapping.key", "trusted/checkpoints.sqlite",
    }  # fmt: skip
    for path, mode in modes(paths.ledger).items():
        assert not mode & 0o007, path
        assert not mode & 0o020 or path == "queries", path
    assert modes(paths.ledger)["queries"] == QUERIES_MODE
    if is_root():
        assert read_by(User(AUDITOR, (gid,)), place, place / "seen") - {"seen"} == evidence
        assert read_by(User(STRANGER), place, place / "seen") == {"seen"}
    check_log(paths)


def test_what_was_written_before_is_lent_and_can_be_taken_back(place: Path) -> None:
    name, gid = a_group()
    paths = a_new_ledger(place)
    asyncio.run(filled(paths, Files()))
    before = modes(paths.ledger)
    assert readable_by_group(place, gid) == set()
    files = files_for(paths.ledger, name)
    lend(paths.folder, files)
    assert len(readable_by_group(place, gid)) > 10
    lend(paths.folder, files)
    lend(paths.folder, Files())
    assert readable_by_group(place, gid) == set()
    after = modes(paths.ledger)
    assert {one: mode for one, mode in after.items() if one in before} == before | {
        one: 0o600 for one in before if "sqlite" in one
    }


def test_a_folder_that_somebody_opened_by_hand_is_left_as_it_is(place: Path) -> None:
    paths = a_new_ledger(place)
    paths.ledger.chmod(0o750)
    lend(paths.folder, Files())
    assert stat.S_IMODE(paths.ledger.stat().st_mode) == 0o750


def test_no_link_leads_to_a_key(place: Path) -> None:
    name, _ = a_group()
    paths = a_new_ledger(place)
    (paths.folder.documents / "a.json").symlink_to(paths.signing_key)
    paths.folder.facts.symlink_to(paths.wrapping)
    (paths.ledger / "cosigned").symlink_to(paths.signing_key.parent)
    lend(paths.folder, files_for(paths.ledger, name))
    assert stat.S_IMODE(paths.signing_key.stat().st_mode) == 0o600
    assert stat.S_IMODE(paths.wrapping.stat().st_mode) == 0o600
    assert stat.S_IMODE(paths.signing_key.parent.stat().st_mode) == 0o700


def test_a_key_that_these_files_write_elsewhere_is_ours_alone(place: Path) -> None:
    _, gid = a_group()
    (place / "ledger").mkdir()
    files = LentFiles(place / "ledger", gid)
    files.publish(place / "a.key", b"secret")
    files.publish(place / "ledger" / "vkey", b"public")
    assert stat.S_IMODE((place / "a.key").stat().st_mode) == 0o600
    assert stat.S_IMODE((place / "ledger" / "vkey").stat().st_mode) == 0o640


def test_a_group_that_there_is_not_stops_the_start(tmp_path: Path) -> None:
    with pytest.raises(LedgerUnavailable, match="no such group"):
        files_for(tmp_path, "nobody-has-this-name")


def test_a_group_to_which_we_do_not_belong_stops_the_start(place: Path) -> None:
    """Who is no root may give files to his own groups alone."""
    paths = a_new_ledger(place)
    owner = User(OWNER)

    def act() -> int:
        try:
            lend(paths.folder, LentFiles(paths.ledger, GROUP))
        except LedgerUnavailable as error:
            return 7 if "belong to the group" in error.hint else 1
        return 0

    if is_root():
        give(place, owner)
        assert as_user(owner, act) == 7
    else:
        assert GROUP not in os.getgroups()
        assert act() == 7


def give(root: Path, user: User) -> None:
    for path in (root, *root.rglob("*")):
        os.chown(path, user.uid, user.uid, follow_symlinks=False)


def until(is_so: Callable[[], bool]) -> None:
    end = time.monotonic() + WAIT_S
    while not is_so():
        assert time.monotonic() < end, "it never became so"
        time.sleep(0.02)


async def kept(
    paths: LedgerPaths, files: Files, ready: Callable[[], None], for_s: float = WAIT_S
) -> None:
    """Keep a ledger open as a gateway does, and take what readers say, until it is killed."""
    async with a_boot(paths, Options(files=files)) as ledger:
        await serve(ledger, a_person())
        watching = asyncio.create_task(Queries(ledger, paths.folder.queries).watch())
        ready()
        await asyncio.wait([watching], timeout=for_s)
        watching.cancel()


def audit(*words: str) -> int:
    done = ran(*words)
    os.write(1, done.out.encode())
    os.write(2, done.err.encode())
    return done.code


def recorded(paths: LedgerPaths) -> list[dict[str, object]]:
    found = (decode(stored.entry) for stored in Reading(paths.folder))
    return [one.facts for one in found if isinstance(one, Admin) and one.what == "audit_queried"]


def test_two_users_one_reads_what_the_other_writes_and_is_recorded(place: Path) -> None:
    """Neither is root: one keeps the ledger, the other belongs to the group that may read it."""
    if not is_root():
        # WHY: without other users, the modes of the first test are the proof.
        return
    os.environ["XDG_CACHE_HOME"] = str(place / "home")
    try:
        paths = a_new_ledger(place)
        give(place, User(OWNER))
        ready = place / "ready"
        home = place / "home"
        home.mkdir()
        os.chown(home, AUDITOR, AUDITOR)
        files = LentFiles(paths.ledger, GROUP)
        owner = User(OWNER, (GROUP,))
        gateway = begun(owner, lambda: asyncio.run(kept(paths, files, ready.touch)) or 0)
        try:
            until(ready.exists)
            _as_an_auditor(paths, place)
        finally:
            os.kill(gateway, signal.SIGKILL)
            ended(gateway)
    finally:
        del os.environ["XDG_CACHE_HOME"]


def _as_an_auditor(paths: LedgerPaths, place: Path) -> None:
    auditor, ledger = User(AUDITOR, (GROUP,)), str(paths.ledger)
    # WHY: a record is asked about once a checkpoint covers it.
    time.sleep(1.2)
    for words in asked_of(ledger, place / "home" / "tiles"):
        assert as_user(auditor, lambda words=words: audit(*words)) == 0, words
    told = recorded(paths)
    assert [one["question"] for one in told] == ["requests", "completeness"]
    assert {one["by"] for one in told} == {f"uid:{AUDITOR}"}
    stranger = User(STRANGER)
    assert as_user(stranger, lambda: audit("audit", "requests", "--ledger", ledger)) == 2
    assert as_user(stranger, lambda: audit("verify", ledger)) == 2
    # He changes nothing, and sees and takes away no question of another's.
    waiting = paths.folder.queries / f"{'0' * 32}.new"
    waiting.write_text("of another auditor")
    waiting.chmod(0o600)
    os.chown(waiting, STRANGER, GROUP)
    segment = next(paths.folder.journal.iterdir())
    acts = [
        lambda: segment.open("ab"),
        segment.unlink,
        (paths.ledger / "mine").touch,
        lambda: paths.folder.checkpoint.write_text("forged"),
        lambda: paths.folder.index.open("r+b"),
        lambda: paths.folder.lock.open("rb"),
        lambda: list(paths.folder.queries.iterdir()),
        waiting.read_text,
        waiting.unlink,
        lambda: waiting.rename(waiting.with_suffix(".json")),
        lambda: paths.subject_keys.open("rb"),
        lambda: paths.wrapping.open("rb"),
        lambda: paths.signing_key.open("rb"),
        lambda: paths.checkpoints.open("rb"),
    ]
    assert as_user(auditor, refused(acts)) == 0
    waiting.unlink()


def a_query() -> bytes:
    return msgspec.json.encode(Query(question="requests", period="all of it"))


class Told:
    """A ledger that keeps what it is told."""

    def __init__(self) -> None:
        self.facts: list[dict[str, object]] = []

    async def record(self, _: str, facts: dict[str, object]) -> None:
        self.facts.append(facts)


@pytest.mark.anyio
async def test_one_reader_fills_no_ledger(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(queries, "READINGS_PER_HOUR_MAX", 2)
    told = Told()
    taking = Queries(told, tmp_path)
    for number in range(3):
        path = tmp_path / f"{number}.json"
        path.write_bytes(a_query())
        await taking._take(path)
    said = [(tmp_path / f"{number}.answer").read_bytes() for number in range(3)]
    assert [b"true" in one for one in said] == [True, True, False]
    assert (b"too_many" in said[2], len(told.facts)) == (True, 2)
    assert READINGS_PER_HOUR_MAX == 1_000


@pytest.mark.anyio
async def test_the_question_of_another_under_a_second_name_is_nobodys(tmp_path: Path) -> None:
    told = Told()
    (tmp_path / "his.new").write_bytes(a_query())
    (tmp_path / "mine.json").hardlink_to(tmp_path / "his.new")
    await Queries(told, tmp_path)._take(tmp_path / "mine.json")
    assert told.facts == []
    assert b"unreadable" in (tmp_path / "mine.answer").read_bytes()


def test_what_nobody_fetches_and_what_is_too_much_is_taken_away(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "link.json").symlink_to(tmp_path / "nowhere")
    for number in range(20):
        (tmp_path / f"{number}.new").write_bytes(b"x")
    now = time.time()  # noqa: TID251 - a test outside the house
    os.utime(tmp_path / "1.new", (now + 9_999, now + 9_999))
    inbox.clear(tmp_path, now - 60, WAITING_MAX)
    assert len(list(tmp_path.iterdir())) == 22
    inbox.clear(tmp_path, now - 60, 5)
    assert len(list(tmp_path.iterdir())) == 5
    inbox.clear(tmp_path, now + 60, WAITING_MAX)
    assert list(tmp_path.iterdir()) == []
    inbox.clear(tmp_path / "absent", now, 5)


def test_an_answer_in_a_lent_folder_is_read_by_the_group_alone(tmp_path: Path) -> None:
    tmp_path.chmod(QUERIES_MODE)
    (tmp_path / "a.json").write_bytes(a_query())
    inbox.answer(tmp_path / "a.json", inbox.Answer(taken=True))
    assert stat.S_IMODE((tmp_path / "a.answer").stat().st_mode) == 0o640


def test_who_may_not_look_at_the_lock_asks_a_gateway_and_does_not_wait_for_ever(
    place: Path, monkeypatch
) -> None:
    """No gateway runs: the reading would not be recorded, and so is refused."""
    monkeypatch.setattr(telling, "ANSWER_S_MAX", 0.2)
    name, gid = a_group()
    paths = a_new_ledger(place)
    lend(paths.folder, files_for(paths.ledger, name))
    paths.folder.lock.touch(0o600)
    query = Query(question="requests", period="all of it")

    def act() -> int:
        try:
            telling.record(paths.folder, None, query)
        except LedgerUnavailable as error:
            return 7 if "no gateway has taken it" in error.hint else 1
        return 0

    if is_root():
        assert as_user(User(AUDITOR, (gid,)), act) == 7
        assert list(paths.folder.queries.iterdir()) == []
    assert stat.S_IMODE(paths.ledger.stat().st_mode) == FOLDER_MODE
