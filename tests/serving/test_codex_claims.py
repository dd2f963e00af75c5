"""What Codex tells of its workspaces is read as a hint, whatever it looks like."""

from typing import Any

import msgspec
import pytest

from gateway.domain.request import Claims
from gateway.surfaces.codex import (
    HEADER,
    METADATA_BYTES_MAX,
    REMOTES_MAX,
    SESSION_CHARACTERS_MAX,
    UNREADABLE,
    with_workspaces,
)

LEDGER = "git@git.example.com:payments/ledger-1.git"


def turn(*remotes: Any, **fields: Any) -> dict[str, Any]:
    workspaces = {
        f"/home/ada/{at}": {"associated_remote_urls": {"origin": remote}, "has_changes": True}
        for at, remote in enumerate(remotes)
    }
    return {"workspaces": workspaces, **fields}


def told(raw: Any, body: dict[str, Any] | None = None, claims: Claims | None = None) -> Claims:
    value = raw if isinstance(raw, bytes) else msgspec.json.encode(raw)
    return with_workspaces(claims or Claims(), [(HEADER.encode(), value)], body or {})


def test_the_remote_of_every_workspace_is_told_once() -> None:
    assert told(turn(LEDGER, "https://a/b", LEDGER)).workspaces == (LEDGER, "https://a/b")


def test_every_remote_of_a_workspace_counts() -> None:
    urls = {"origin": LEDGER, "upstream": "https://a/b"}
    raw = {"workspaces": {"/w": {"associated_remote_urls": urls}}}
    assert told(raw).workspaces == (LEDGER, "https://a/b")


def test_the_body_may_tell_what_the_header_does_not() -> None:
    inside = msgspec.json.encode(turn("https://a/b", session_id="s")).decode()
    found = told(turn(LEDGER), {"client_metadata": {HEADER: inside}})
    assert found.workspaces == (LEDGER, "https://a/b")
    assert found.session == "s"


def test_a_session_that_a_header_gave_stays() -> None:
    assert told(turn(session_id="mine"), claims=Claims(session="given")).session == "given"
    assert told(turn(session_id="mine")).session == "mine"
    assert len(told(turn(session_id="x" * 9999)).session or "") == SESSION_CHARACTERS_MAX
    assert told(turn(session_id=7)).session is None


def test_what_was_claimed_before_is_kept() -> None:
    before = Claims("restricted", "website", "s", {"a": "b"})
    found = told(turn(LEDGER), claims=before)
    assert (found.label, found.repo, found.metadata) == ("restricted", "website", {"a": "b"})


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"nonsense",
        b"[]",
        b"[" * 9999,
        b"\xff\xfe",
        b'{"workspaces":7}',
        b'{"workspaces":{"/w":7}}',
        b'{"workspaces":{"/w":{"associated_remote_urls":"x"}}}',
        b'{"workspaces":{"/w":{}}}',
        b" " * METADATA_BYTES_MAX + b"{}",
    ],
)
def test_metadata_that_cannot_be_read_claims_nothing(raw: bytes) -> None:
    assert told(raw).workspaces == ()


@pytest.mark.parametrize("metadata", [None, [], {}, {HEADER: 7}, {HEADER: {"workspaces": {}}}])
def test_metadata_in_the_body_that_cannot_be_read_claims_nothing(metadata: Any) -> None:
    assert with_workspaces(Claims(), [(b"accept", b"x")], {"client_metadata": metadata}) == Claims()


def test_a_remote_that_is_no_text_counts_as_one_that_cannot_be_read() -> None:
    assert told(turn(7)).workspaces == (UNREADABLE,)


def test_remotes_over_the_bound_count_as_one_that_cannot_be_read() -> None:
    found = told(turn(*(f"https://a/{at}" for at in range(REMOTES_MAX + 5)))).workspaces
    assert len(found) == REMOTES_MAX + 1
    assert found[-1] == UNREADABLE
