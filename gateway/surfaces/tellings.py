"""What a body tells of the client's work: claims in its metadata, and the folder of an agent.

Rule: all of it may only raise. A label or repository under one of our names is meant for us, and
one that cannot be read is refused; what an agent writes for its model claims nothing when it
cannot be read.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec
from msgspec.structs import replace

from gateway.domain.enclosed import held_in
from gateway.domain.errors import Malformed
from gateway.domain.request import Body, Claims

LABEL = "perimeter-label"
REPO = "perimeter-repo"
METADATA = ("metadata", "requestMetadata", "labels")
TELLING_CHARS_MAX = 512
FOLDERS_MAX = 16
FOLDER_CHARS_MAX = 1_024
SYSTEM_CHARS_MAX = 256 * 1024
SYSTEM_PARTS_MAX = 64
USER_ID_CHARS_MAX = 4_096
_HOUSE = frozenset({"system", "developer"})
_PROMPTS = ("system", "instructions", "systemInstruction", "system_instruction")
_TURNS = ("messages", "input")
_FOLDER = re.compile(
    rf"^[ \t*-]*(?:Primary w|W)orking directory:[ \t]*(\S[^\r\n]{{0,{FOLDER_CHARS_MAX - 1}}})",
    re.MULTILINE,
)


def with_tellings(claims: Claims, body: Body) -> Claims:
    """Return the claims with what the body tells; Malformed for a claim that is not clear.

    A request that is only to be counted claims what it would claim.
    """
    # INVARIANT: every request that the body holds is heard; none stands in for another.
    requests = (body, *held_in(body))
    found = (folder for one in requests for folder in _folders(one))
    folders = tuple(dict.fromkeys((*claims.folders, *found)))[:FOLDERS_MAX]
    return replace(
        claims,
        told_labels=tuple(dict.fromkeys(told for one in requests for told in _told(one, LABEL))),
        told_repos=tuple(dict.fromkeys(told for one in requests for told in _told(one, REPO))),
        folders=folders,
        session=claims.session or next(filter(None, map(_session, requests)), None),
    )


def _told(body: Mapping[str, object], name: str) -> tuple[str, ...]:
    """Return what the metadata says under that name, wherever it stands."""
    found: list[str] = []
    for place in METADATA:
        metadata = body.get(place)
        if not isinstance(metadata, dict) or name not in metadata:
            continue
        text = metadata[name]
        if not isinstance(text, str) or not text.isascii() or len(text) > TELLING_CHARS_MAX:
            raise Malformed(f"The metadata {name} must be a text in ASCII.")
        found.append(text)
    return tuple(dict.fromkeys(found))


def _session(body: Mapping[str, object]) -> str | None:
    """Return the session of Claude Code: its user id is JSON that holds one."""
    metadata = body.get("metadata")
    user_id = metadata.get("user_id") if isinstance(metadata, dict) else None
    if not isinstance(user_id, str) or len(user_id) > USER_ID_CHARS_MAX:
        return None
    try:
        told = msgspec.json.decode(user_id)
    except (msgspec.DecodeError, RecursionError):
        return None
    session = told.get("session_id") if isinstance(told, dict) else None
    return session[:TELLING_CHARS_MAX] if isinstance(session, str) and session else None


def _folders(body: Mapping[str, object]) -> list[str]:
    """Return the working directories that an agent names in its system prompt."""
    found: list[str] = []
    for text in _system(body):
        found += [one.strip() for one in _FOLDER.findall(text, 0, SYSTEM_CHARS_MAX)]
    return found


def _system(body: Mapping[str, object]) -> Iterator[str]:
    parts = [body.get(name) for name in _PROMPTS]
    parts = [one.get("parts") if isinstance(one, dict) else one for one in parts]
    for name in _TURNS:
        turns = body.get(name)
        parts += [
            turn.get("content")
            for turn in (turns if isinstance(turns, list) else [])[:SYSTEM_PARTS_MAX]
            if isinstance(turn, dict) and turn.get("role") in _HOUSE
        ]
    for part in parts:
        yield from _texts(part)


def _texts(value: Any) -> Iterator[str]:  # noqa: ANN401 - a part of a body, of any form
    for part in (value if isinstance(value, list) else [value])[:SYSTEM_PARTS_MAX]:
        text = part.get("text") if isinstance(part, dict) else part
        if isinstance(text, str):
            yield text
