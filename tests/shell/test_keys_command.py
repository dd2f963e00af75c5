"""`perimeter keys`: created, listed, rotated with an overlap, revoked."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from gateway.config.files import load
from gateway.domain.errors import Unauthenticated
from gateway.identity.keyfile import read_keys
from tests.doubles.gateway_folders import NOWHERE, command, create_ledger, ran
from tests.doubles.running_gateway import write_node

LIMITED = (
    "--zone", "on_prem", "--task", "code", "--clearance", "internal",
    "--may", "explain", "--may", "on_behalf_of",
)  # fmt: skip


@pytest.fixture
def node(tmp_path: Path) -> str:
    write_node(tmp_path, NOWHERE)
    return str(tmp_path / "perimeter.yaml")


def keys(node: str, *words: str) -> str:
    return command("keys", *words, "--node", node).strip()


def create(node: str, name: str, *more: str) -> str:
    return keys(node, "create", name, "--subject", f"{name}@example.com", "--team", "t", *more)


def now() -> datetime:
    return datetime.now(UTC)  # noqa: TID251 - a test outside the house


def knows(node: str, key: str, after: timedelta = timedelta(0)) -> bool:
    ring = read_keys(load(Path(node).with_name("keys.yaml")))
    try:
        ring.authenticate({"x-api-key": key}, now() + after)
    except Unauthenticated:
        return False
    return True


def test_a_key_is_created_with_its_limits_and_listed_without_its_hash(node) -> None:
    create(node, "ann", *LIMITED)
    create(node, "bob", "--expires-on", "2020-01-01")
    shown = keys(node, "list")
    first, second = shown.splitlines()
    for word in ("ann  good  sent", "zones=on_prem", "tasks=code", "clearance=internal"):
        assert word in first
    assert "may=explain,on_behalf_of" in first
    assert second.startswith("bob  expired  sent")
    assert "sha256" not in shown
    assert "example.com" not in shown


def test_a_rotated_key_ends_at_once_or_after_the_overlap(node) -> None:
    first = create(node, "ann")
    second = keys(node, "rotate", "ann", "--overlap", "24h")
    assert knows(node, first)
    assert knows(node, second)
    assert not knows(node, first, timedelta(hours=24, minutes=1))
    assert "previous_until=" in keys(node, "list")
    third = keys(node, "rotate", "ann")
    assert [knows(node, one) for one in (first, second, third)] == [False, False, True]


def test_a_revoked_key_is_nobodys(node) -> None:
    first = create(node, "ann")
    second = keys(node, "rotate", "ann", "--overlap", "7d")
    command("keys", "revoke", "ann", "--node", node)
    assert not knows(node, first)
    assert not knows(node, second)
    assert keys(node, "list").startswith("ann  revoked")


def test_an_access_key_is_rotated_with_an_overlap(node) -> None:
    create_ledger(node)
    create(node, "bot", "--sigv4")
    keys(node, "rotate", "bot", "--overlap", "30m")
    entry = read_keys(load(Path(node).with_name("keys.yaml"))).entry("bot")
    assert entry is not None
    assert entry.generations(now()) == (2, 1)
    assert entry.generations(now() + timedelta(minutes=31)) == (2,)
    keys(node, "rotate", "bot")
    entry = read_keys(load(Path(node).with_name("keys.yaml"))).entry("bot")
    assert entry is not None
    assert entry.generations(now()) == (3,)


@pytest.mark.parametrize("overlap", ["", "1", "91d", "1w", "-1h", "99999d"])
def test_an_overlap_has_a_form_and_a_bound(node, overlap: str) -> None:
    create(node, "ann")
    with pytest.raises(SystemExit):
        ran("keys", "rotate", "ann", "--overlap", overlap, "--node", node)


@pytest.mark.parametrize("action", ["rotate", "revoke", "secret"])
def test_what_is_no_key_is_told(node, action: str) -> None:
    create(node, "ann")
    done = ran("keys", action, "eve", "--node", node)
    assert done.code == 1
    assert "no key of that id" in done.err
