"""A fingerprint of what the detectors found is as gone as the person in whose request it stood."""

import hmac
import itertools
from base64 import b64decode, b64encode
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from gateway.app.node_secret import fingerprint_key
from gateway.audit.canonical import encode
from gateway.audit.record import Admin, Attempted, Decided, Personal, Settled
from gateway.config.node import load_node
from gateway.ledger import blobs
from gateway.ledger.ledger import field_of
from gateway.ledger.paths import LedgerFolder
from gateway.stores.scanner import FINGERPRINT_CHARS
from tests.doubles.gateway_folders import ran, started
from tests.doubles.ledger_sight import ORIGIN, personal_of, records, verified
from tests.doubles.running_gateway import RunningGateway
from tests.doubles.serving_house import OPENAI, House
from tests.serving.test_approvals import approved
from tests.serving.test_erasure import PREFIXES, act, erase, everything_left, home

__all__ = ["home"]

KIND = "gitlab-pat"
MINE = "glpat-4n4rYc4n4rYc4n4rYc4n"
THEIRS = "glpat-0th3r0th3r0th3r0th3r"
# WHY: so many that no entry holds them, and a blob lies beside the log.
MANY = [f"glpat-{sha256(bytes([number])).hexdigest()[:20]}" for number in range(200)]
TEXTS = (MINE, *MANY)


def fingerprints(gateway: RunningGateway, *texts: str) -> set[str]:
    """Return what the gateway makes of these texts: the guesser holds its key and its program."""
    key = fingerprint_key(load_node(gateway.node).settings.paths)
    named = (b"\0".join((b"secrets", KIND.encode(), text.encode())) for text in texts)
    return {hmac.digest(key, one, sha256).hex()[:FINGERPRINT_CHARS] for one in named}


def ask(house: House, text: str, repo: str = "website") -> str:
    heard = house.ask(OPENAI, OPENAI.body(f"deploy with {text}", "home-model"), repo)
    assert heard.record, heard.body
    house.record(heard.record, repo)
    return heard.record


def files(*folders: Path) -> dict[Path, bytes]:
    found = (path for folder in folders for path in folder.rglob("*") if path.is_file())
    return {path: path.read_bytes() for path in found}


def forms(gateway: RunningGateway, secrets: list[bytes], *texts: str) -> Iterator[bytes]:
    """Yield everything that a guesser would look for: the text, and each hash that he can make."""
    for text in texts:
        yield text.encode()
        yield b64encode(text.encode())[:-4]
        for key, prefix in itertools.product((b"", *secrets), PREFIXES):
            message = prefix + text.encode()
            for made in (hmac.digest(key, message, sha256), sha256(key + message).digest()):
                yield from (made[:12], made.hex()[:24].encode(), b64encode(made[:12]))
    for found in fingerprints(gateway, *texts):
        yield from (found.encode(), bytes.fromhex(found))


def test_who_holds_every_key_that_is_left_confirms_no_text_that_he_guesses(home, tmp_path) -> None:
    gateway, out = home.gateway, tmp_path / "export"
    with started(gateway):
        mine, more = ask(home, MINE), ask(home, " ".join(MANY))
        other = ask(home, THEIRS, "payments")
        # The search is no blind one: whoever has the subject's key confirms the guess.
        assert prints_of(personal_of(gateway, mine)) == fingerprints(gateway, MINE)
        assert prints_of(personal_of(gateway, more)) >= fingerprints(gateway, *MANY[:100])
        assert any((gateway.ledger / "blobs").iterdir())
        exported = act(home, "export", str(out))
        assert exported.code == 0, exported.err
        counted = ran("audit", "detectors", "--ledger", str(gateway.ledger))
        assert counted.code == 0, counted.err
        assert (gateway.ledger / "facts.sqlite").exists()
        assert act(home, "findings", mine).code == 0
        assert erase(home).code == 0
        assert_confirmed_by_nothing(gateway, out)
        assert verified(gateway).reason == ""
        assert prints_of(personal_of(gateway, other)) == fingerprints(gateway, THEIRS)
    assert_confirmed_by_nothing(gateway, out)


def prints_of(personal: Personal) -> set[str]:
    return {one.fingerprint for one in personal.findings if one.kind == KIND}


def assert_confirmed_by_nothing(gateway: RunningGateway, *others: Path) -> None:
    """No file holds a hash of the texts, and no key that is left opens what held one."""
    secrets = everything_left(gateway)
    sought = set(forms(gateway, secrets, MINE, MANY[0], MANY[-1]))
    held = files(gateway.folder, *others)
    assert [path for path, data in held.items() if any(one in data for one in sought)] == []
    wanted = {one.encode() for one in fingerprints(gateway, *TEXTS, THEIRS)}
    opened = list(opened_with(gateway, secrets))
    assert any(one in data for data in opened for one in wanted), "nothing of the other is opened"
    gone = {one.encode() for one in fingerprints(gateway, *TEXTS)}
    assert not any(one in data for data in opened for one in gone)


def opened_with(gateway: RunningGateway, secrets: list[bytes]) -> Iterator[bytes]:
    """Yield whatever any key opens of what is sealed in the records, and of the blobs."""
    folder = LedgerFolder(gateway.ledger).blobs
    for record in records(gateway):
        if not isinstance(record, Decided | Attempted | Settled) or record.sealed is None:
            continue
        sealed, field = blobs.whole(folder, record.sealed), field_of(record)
        bound = f"{ORIGIN}|{field.record_id}|{field.name}".encode()
        data = b64decode(sealed.data)
        for key in (one for one in secrets if len(one) == 32):
            try:
                yield AESGCM(key).decrypt(b64decode(sealed.nonce), data, bound)
            except InvalidTag:
                continue


def test_the_one_fingerprint_in_clear_is_what_a_steward_signed_and_it_names_nobody(home) -> None:
    gateway = home.gateway
    with started(gateway):
        mine = ask(home, MINE)
        (mark,) = fingerprints(gateway, MINE)
        clear = [encode(one) for one in records(gateway)]
        assert not any(mark.encode() in one for one in clear)
        scope = {"fingerprint": mark, "repo": "website"}
        allowed, _ = approved(home, "allow_finding", scope, "ada", "bob")
        assert allowed.code == 0, allowed.err
        assert erase(home).code == 0
        holding = [one for one in records(gateway) if mark.encode() in encode(one)]
    (told,) = holding
    assert isinstance(told, Admin)
    assert (told.what, told.facts["scope"]) == ("approval_used", scope)
    assert mine.encode() not in encode(told)
