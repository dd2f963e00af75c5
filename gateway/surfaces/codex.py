"""What Codex tells of itself with every request: the repositories it works in, and its session.

Rule: it is a hint and may only raise. What cannot be read at all claims nothing; a remote that is
there and is no address counts as a repository that nobody registered.
"""

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec
from msgspec.structs import replace

from gateway.domain.request import Claims

HEADER = "x-codex-turn-metadata"
METADATA_BYTES_MAX = 32 * 1024
REMOTES_MAX = 16
SESSION_CHARACTERS_MAX = 512
# WHY: it is no address, so it stands for what cannot be read, and for what is over a bound.
UNREADABLE = ""


def with_workspaces(
    claims: Claims, headers: Iterable[tuple[bytes, bytes]], body: Mapping[str, object]
) -> Claims:
    """Return the claims with remotes and folder of every workspace; all of them count.

    The session id is taken where no header gave one.
    """
    found = [turn for raw in _told(headers, body) if (turn := _turn(raw)) is not None]
    remotes = [remote for turn in found for remote in _remotes(turn)]
    sessions = [turn["session_id"] for turn in found if isinstance(turn.get("session_id"), str)]
    kept = tuple(dict.fromkeys(remotes))
    if len(kept) > REMOTES_MAX:
        kept = (*kept[:REMOTES_MAX], UNREADABLE)
    session = claims.session or (sessions[0][:SESSION_CHARACTERS_MAX] if sessions else None)
    folders = tuple(dict.fromkeys(one for turn in found for one in _folders(turn)))
    return replace(claims, workspaces=kept, session=session, folders=folders[:REMOTES_MAX])


def _told(headers: Iterable[tuple[bytes, bytes]], body: Mapping[str, object]) -> list[object]:
    told: list[object] = [value for name, value in headers if name.lower() == HEADER.encode()]
    metadata = body.get("client_metadata")
    if isinstance(metadata, dict):
        told.append(metadata.get(HEADER))
    return told


def _turn(raw: object) -> dict[str, Any] | None:
    """Return the metadata of one turn; None when it is none."""
    if isinstance(raw, str):
        raw = raw.encode(errors="replace")
    if not isinstance(raw, bytes) or len(raw) > METADATA_BYTES_MAX:
        return None
    try:
        turn = msgspec.json.decode(raw)
    except (msgspec.DecodeError, RecursionError):
        return None
    return turn if isinstance(turn, dict) else None


def _folders(turn: dict[str, Any]) -> list[str]:
    workspaces = turn.get("workspaces")
    return list(workspaces) if isinstance(workspaces, dict) else []


def _remotes(turn: dict[str, Any]) -> list[str]:
    workspaces = turn.get("workspaces")
    remotes: list[str] = []
    for workspace in workspaces.values() if isinstance(workspaces, dict) else ():
        urls = workspace.get("associated_remote_urls") if isinstance(workspace, dict) else None
        told = urls.values() if isinstance(urls, dict) else ()
        remotes += [url if isinstance(url, str) else UNREADABLE for url in told]
    return remotes
