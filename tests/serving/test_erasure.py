"""A person who was erased is gone from every file, and nobody can guess him back."""

import hmac
import itertools
import tempfile
from base64 import b64decode, b64encode
from collections.abc import Iterator
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from typing import Any

import msgspec
import pytest
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from gateway.app.making import MEMORY_PURPOSE, ledger_paths
from gateway.app.node_secret import derived, node_secret, secret_place
from gateway.audit.canonical import commit
from gateway.audit.record import Admin, Decided, Settled
from gateway.config.node import load_node
from gateway.ledger.ledger import field_of
from gateway.ledger.subject_keys import KeyGone, open_keys
from gateway.stores.conversations import Keyed
from gateway.stores.turn_table import DIGEST_BYTES
from tests.doubles.gateway_folders import Ran, ran, started
from tests.doubles.ledger_sight import ORIGIN, personal_of, records, verified
from tests.doubles.raw_http import Field
from tests.doubles.running_gateway import RunningGateway
from tests.doubles.serving_house import FORMS, OPENAI, House
from tests.serving.conftest import TASKS, backends_of
from tests.serving.test_approvals import furnished

SUBJECT, OTHER = "ada@example.com", "pay@example.com"
PROMPT = "c4n4ry-prompt-91bd and some words more so that the turn has a digest of its own, surely"
SESSION = "c4n4ry-session-91bd"
REPO = "git.example.com/c4n4ry/repo-91bd"
CLIENT = "c4n4ry-client-91bd"
PERSONAL = (SUBJECT, PROMPT, SESSION, REPO, CLIENT)
# What is looked at after the erasure beside the segments of the ledger.
KEPT = {
    "facts.sqlite", "subject_keys.sqlite", "conversations.sqlite", "conversations.sqlite-wal",
    "records.jsonl", "REPORT.html", "tmp", "stderr.log",
}  # fmt: skip


@pytest.fixture
def home(template, engines, tmp_path) -> House:
    """A gateway that is not started."""
    return House(
        furnished(template.copy(tmp_path / "node", backends_of(engines), tasks=TASKS)), engines
    )


def erase(house: House, subject: str = SUBJECT, key: str = "ada") -> Ran:
    return act(house, "erase", subject, key=key)


def act(house: House, *words: str, key: str = "ada") -> Ran:
    node, file = str(house.gateway.node), str(house.gateway.folder / f"{key}.pem")
    return ran(*words, "--reason", "request 17", "--key", file, "--node", node)


def talk(house: House, repo: str = "website") -> str:
    """Ask on both surfaces with everything that names somebody; return the last record."""
    said: tuple[Field, ...] = (
        ("x-perimeter-repo", f"https://{REPO}.git"),
        ("x-session-id", SESSION),
        ("user-agent", CLIENT),
    )
    for form, stream in itertools.product(FORMS, (False, True)):
        body = form.body(PROMPT, "home-model", stream=stream)
        heard = house.ask(form, body, repo, said)
        assert heard.status == 200, heard.body
        house.record(heard.record, repo)
    return heard.record


def of_kind(gateway: RunningGateway, kind: type) -> list[Any]:
    return [one for one in records(gateway) if isinstance(one, kind)]


def told(gateway: RunningGateway, what: str) -> list[dict[str, Any]]:
    return [one.facts for one in of_kind(gateway, Admin) if one.what == what]


def found_in(folder: Path, *words: str) -> list[str]:
    """Return the files that hold any of these words, plainly or in base64 or hexadecimal."""
    seen = []
    for path in folder.rglob("*"):
        if path.is_file():
            data = path.read_bytes()
            seen += [str(path) for word in words if any(one in data for one in _forms(word))]
    return seen


def _forms(word: str) -> Iterator[bytes]:
    raw = word.encode()
    yield raw
    yield raw.hex().encode()
    yield from (b64encode(bytes(shift) + raw)[4:-4] for shift in range(3))


class Trace(msgspec.Struct):
    """What stands for a subject before an erasure, as bytes: rows of his, digests of his turns."""

    keys: set[str]
    pseudonym: str
    rows: list[bytes]
    digests: list[bytes]


def trace_of(gateway: RunningGateway, subject: str = SUBJECT) -> Trace:
    keys = open_keys(ledger_paths(load_node(gateway.node).settings.paths), ORIGIN)
    who = keys.known(subject)
    assert who is not None
    rows = keys._sql.execute(
        "SELECT id, key FROM keys WHERE pseudonym = ?", (who.pseudonym,)
    ).fetchall()
    blobs = keys._sql.execute(
        "SELECT handle, secret FROM subjects WHERE pseudonym = ?", (who.pseudonym,)
    ).fetchone()
    turns = ""
    for record in of_kind(gateway, Decided) + of_kind(gateway, Settled):
        if record.sealed is not None and record.sealed.key in {row[0] for row in rows}:
            turns += keys.open_sealed(record.sealed, field_of(record)).turns
    keys.close()
    raw = b64decode(turns)
    digests = [raw[at : at + DIGEST_BYTES] for at in range(0, len(raw), DIGEST_BYTES)]
    assert rows
    assert digests
    return Trace(
        {row[0] for row in rows}, who.pseudonym, [row[1] for row in rows] + list(blobs), digests
    )


@pytest.fixture
def scratch(home, monkeypatch) -> Path:
    """The place of temporary files, of the gateway and of the commands, where all is looked at."""
    tmp = home.gateway.folder / "tmp"
    tmp.mkdir()
    monkeypatch.setenv("TMPDIR", str(tmp))
    monkeypatch.setenv("SQLITE_TMPDIR", str(tmp))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp))
    return tmp


def hand_out(house: House) -> None:
    """Ask the audit, which keeps its tables of facts, and make a redacted export."""
    gateway = house.gateway
    asked = ran("audit", "boundary", "--ledger", str(gateway.ledger), "--copy")
    assert asked.code in {0, 1}, asked.err
    exported = act(house, "export", str(gateway.folder / "export"))
    assert exported.code == 0, exported.err
    assert {path.name for path in gateway.folder.rglob("*")} >= KEPT


def test_adv_81_whoever_is_erased_is_gone_and_every_proof_still_holds(home, scratch) -> None:
    gateway = home.gateway
    with started(gateway):
        mine, other = talk(home), talk(home, "payments")
        assert personal_of(gateway, mine).subject == SUBJECT
        trace = trace_of(gateway)
        assert bytes_in(gateway.folder, *trace.rows)
        assert bytes_in(gateway.folder, *trace.digests)
        hand_out(home)
        done = erase(home)
        assert done.code == 0, done.err
        # Nothing waits for a stop: the files are looked at while the gateway runs.
        assert_gone(gateway, trace)
        with pytest.raises(KeyGone):
            personal_of(gateway, mine)
        assert personal_of(gateway, other).subject == OTHER
        [facts] = told(gateway, "erased")
        assert (set(facts["keys"]), facts["pseudonym"]) == (trace.keys, trace.pseudonym)
        assert verified(gateway).reason == ""
    assert_gone(gateway, trace)
    assert not list(scratch.iterdir())
    conversations = gateway.folder / "data" / "conversations.sqlite"
    conversations.unlink()
    with started(gateway):
        assert home.ask(OPENAI, OPENAI.body("hello"), "payments").status == 200
        assert not bytes_in(conversations.parent, *trace.digests)
    assert verified(gateway).reason == ""
    assert_gone(gateway, trace)


def assert_gone(gateway: RunningGateway, trace: Trace) -> None:
    """No file holds the name, what came with it, his rows of keys, or digests of his turns.

    The file of callers' keys is the operator's: whoever may no longer ask is revoked there.
    """
    assert not bytes_in(gateway.folder, *trace.rows, *trace.digests)
    callers = str(load_node(gateway.node).settings.paths.keys)
    assert [one for one in found_in(gateway.folder, *PERSONAL) if one != callers] == []


def bytes_in(folder: Path, *values: bytes) -> list[str]:
    """Return the files that hold any of these bytes."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    return [str(path) for path in files if any(one in path.read_bytes() for one in values)]


def test_who_has_every_key_that_is_left_confirms_no_guess(home) -> None:
    """The guesser knows the name, the session and the whole prompt, and holds all files."""
    gateway = home.gateway
    with started(gateway):
        talk(home)
        talk(home, "payments")
        runs = {one.run for one in of_kind(gateway, Decided)}
        keys = trace_of(gateway).keys
        assert erase(home).code == 0
    theirs = [one for one in of_kind(gateway, Decided) if one.sealed and one.sealed.key in keys]
    assert len(theirs) == len(FORMS) * 2
    secrets = everything_left(gateway)
    # The search is no blind one: it finds the subject that was not erased.
    assert confirmed(gateway, secrets, OTHER)
    assert not confirmed(gateway, secrets, SUBJECT)
    assert not {one.run for one in theirs} & runs_of(gateway, secrets)
    assert runs & runs_of(gateway, secrets)
    for one in theirs:
        commitments = {commit(salt, digest) for salt in salts_left(gateway) for digest in bodies()}
        assert one.commitment not in commitments
        bound = f"{ORIGIN}|{one.id}|decided".encode()
        nonce, data = b64decode(one.sealed.nonce), b64decode(one.sealed.data)
        for key in secrets:
            with pytest.raises(InvalidTag):
                AESGCM(key).decrypt(nonce, data, bound)


PURPOSES = ("fingerprint", "dictionary", "tenant", "conversations", "standing", "access")
PREFIXES = (b"", b"owner\0", b"caller\0", b"run\0", b"secret|", b"subject|", b"pepper|")
HASH_BYTES_SEEN = 12


def everything_left(gateway: RunningGateway) -> list[bytes]:
    """Return every key that lies anywhere after the erasure, unwrapped."""
    paths = load_node(gateway.node).settings.paths
    store = open_keys(ledger_paths(paths), ORIGIN)
    node = node_secret(secret_place(paths))
    names = [row[0] for row in store._sql.execute("SELECT pseudonym FROM subjects").fetchall()]
    rows = store._sql.execute("SELECT id, pseudonym, month, key FROM keys").fetchall()
    deks = [store._unwrap(key, f"key|{a}|{b}|{c}".encode()) for a, b, c, key in rows]
    found = [
        store._pepper,
        node,
        *(derived(node, purpose) for purpose in PURPOSES),
        *(secret for name in names if (secret := store.secret_of(name))),
        *deks,
        b64decode(paths.signing_key.read_text().strip().split("+", 4)[4])[1:],
        b64decode(ledger_paths(paths).wrapping.read_text().strip().split("+", 4)[4]),
    ]
    store.close()
    assert len(found) > 10
    return found


def confirmed(gateway: RunningGateway, secrets: list[bytes], subject: str) -> list[str]:
    """Return the files in which a keyed hash of the guess stands, in any usual form."""
    files = {path: path.read_bytes() for path in gateway.folder.rglob("*") if path.is_file()}
    seen = []
    for key, prefix in itertools.product((b"", *secrets), PREFIXES):
        message = prefix + subject.encode()
        for made in (hmac.digest(key, message, sha256), sha256(key + message).digest()):
            part = made[:HASH_BYTES_SEEN]
            forms = (part, part.hex().encode(), b64encode(part))
            seen += [str(path) for path, data in files.items() if any(one in data for one in forms)]
    return seen


def runs_of(gateway: RunningGateway, secrets: list[bytes]) -> set[str]:
    """Return the names of the run that any secret makes of the session that was guessed."""
    node = node_secret(secret_place(load_node(gateway.node).settings.paths))
    keyed = Keyed(derived(node, MEMORY_PURPOSE))
    told_of = b"session\0" + SESSION.encode()
    guesses = [*secrets, SUBJECT.encode(), OTHER.encode()]
    return {keyed.run(secret, told_of) for secret in guesses}


def salts_left(gateway: RunningGateway) -> list[bytes]:
    keys = open_keys(ledger_paths(load_node(gateway.node).settings.paths), ORIGIN)
    found: list[bytes] = []
    for record in of_kind(gateway, Decided) + of_kind(gateway, Settled):
        with suppress(KeyGone):
            found += map(
                bytes.fromhex, keys.open_sealed(record.sealed, field_of(record)).salts.values()
            )
    keys.close()
    assert len(found) > len(FORMS)
    return found


def bodies() -> list[bytes]:
    """Return the digests of the bodies that were sent, which the guesser knows to the byte."""
    told_all = itertools.product(FORMS, (False, True))
    return [
        sha256(msgspec.json.encode(form.body(PROMPT, "home-model", stream=stream))).digest()
        for form, stream in told_all
    ]


def test_a_guess_about_a_body_would_be_confirmed_before_the_erasure(home) -> None:
    gateway = home.gateway
    with started(gateway):
        talk(home)
    commitments = {commit(salt, digest) for salt in salts_left(gateway) for digest in bodies()}
    assert {one.commitment for one in of_kind(gateway, Decided)} <= commitments


def test_a_request_under_way_makes_nobody_known_again(home) -> None:
    gateway = home.gateway
    with started(gateway):
        body = OPENAI.body("mock:drip=50 mock:words=60", "home-model", stream=True)
        with home.line() as line:
            line.send(home.request(OPENAI, body))
            status, fields = line.head()
            assert status == 200
            assert erase(home).code == 0
            b"".join(line.chunks())
        record = fields["x-perimeter-record"]
        home.record(record)
        [settled] = [one for one in of_kind(gateway, Settled) if one.id == record]
        assert settled.sealed is None
        assert keys_of(gateway, SUBJECT) is None
        assert home.ask(OPENAI, OPENAI.body("I am back")).status == 200
        assert keys_of(gateway, SUBJECT) is not None
    verified(gateway)


def keys_of(gateway: RunningGateway, subject: str) -> str | None:
    keys = open_keys(ledger_paths(load_node(gateway.node).settings.paths), ORIGIN)
    who = keys.known(subject)
    keys.close()
    return None if who is None else who.pseudonym


def test_a_gateway_that_does_not_run_is_erased_from_under_its_lock(home) -> None:
    gateway = home.gateway
    with started(gateway):
        talk(home)
    trace = trace_of(gateway)
    done = erase(home)
    assert done.code == 0, done.err
    assert_gone(gateway, trace)
    assert [facts["pseudonym"] for facts in told(gateway, "erased")] == [trace.pseudonym]
    assert erase(home).code == 1
    verified(gateway)


def test_who_may_not_sign_erases_nobody(home) -> None:
    gateway = home.gateway
    with started(gateway):
        talk(home)
        refused = erase(home, key="eve")
        assert (refused.code, "unknown_key" in refused.err) == (1, True)
        assert "nothing is known" in erase(home, "nobody@example.com").err
        assert keys_of(gateway, SUBJECT) is not None
        assert told(gateway, "erased") == []


def test_adv_81_a_copy_of_the_keys_that_is_put_back_brings_nobody_back(home) -> None:
    """Not only the keys: a copy of the memory of conversations, from before, as well."""
    gateway, data = home.gateway, home.gateway.folder / "data"
    with started(gateway):
        talk(home)
        talk(home, "payments")
    trace = trace_of(gateway)
    kept = {
        name: (data / name).read_bytes() for name in ("subject_keys.sqlite", "conversations.sqlite")
    }
    with started(gateway):
        assert erase(home).code == 0
        talk(home, "payments")
    for spoil in (lambda: None, (data / "standing").unlink):
        for name, copy in kept.items():
            (data / name).write_bytes(copy)
        spoil()
        assert keys_of(gateway, SUBJECT) == trace.pseudonym
        with started(gateway):
            assert keys_of(gateway, SUBJECT) is None
            assert_gone(gateway, trace)
        assert_gone(gateway, trace)
    again = told(gateway, "erased")
    assert [one["pseudonym"] for one in again] == [trace.pseudonym] * 3
    assert [one["approval"] for one in again[1:]] == ["keys_were_put_back"] * 2
    verified(gateway)
