"""Does this Ollama server run the model itself? Asked before first use and again and again.

A model with a remote host is passed on to somebody else by the server. This is detection, not
prevention; `name:local`, where the server knows that form, makes the server itself refuse.
"""

from typing import Any

import msgspec
from msgspec import Struct

from gateway.transport.backend import Inspection, Question

OK = 200
SHOW = "/api/show"
TAGS = "/api/tags"
LOCAL = ":local"
_KEY = b'"remote_host"'


class _Shown(Struct):
    """What is read of /api/show, and of one entry of /api/tags or one payload of a reply."""

    name: str = ""
    model: str = ""
    digest: str = ""
    remote_host: Any = ""
    remote_model: Any = ""

    @property
    def is_remote(self) -> bool:
        """Does somebody else run it?"""
        return bool(self.remote_host or self.remote_model)


class _Tags(Struct):
    """What is read of /api/tags."""

    models: list[_Shown] = []


class _Payload(Struct):
    """What is read of a reply."""

    remote_host: Any = ""


def refuses(name: str) -> str | None:
    """Return why a model of that name is never asked for, or None.

    Ollama reads a last part `cloud`, or one ending in `-cloud`, as an order to pass the request
    on, whether or not it has such a model.
    """
    last = name.strip().lower().rpartition(":")[2]
    if last == "cloud" or last.endswith("-cloud"):
        return "Ollama passes models whose name ends in `cloud` on to another host"
    return None


def breach(payload: bytes) -> bool:
    """Does this payload of a reply say that another host answered?

    Only a top-level `remote_host` counts: words in a prompt and arguments of a tool do not.
    """
    if _KEY not in payload:
        return False
    try:
        return bool(msgspec.json.decode(payload, type=_Payload).remote_host)
    except ValueError:
        return False


def tagged(name: str) -> str:
    """Return the name with the tag that the server would assume."""
    return name if ":" in name.rpartition("/")[2] else f"{name}:latest"


async def inspect(question: Question, model: str) -> Inspection:
    """Ask the server about a model, and by which name it is safest to ask for it.

    ValueError when the server's answers cannot be read; what `question` raises passes through.
    """
    refused = refuses(model)
    if refused is not None:
        return Inspection(breach=refused)
    status, shown = await _show(question, model)
    if status != OK:
        return Inspection(problem=f"{model}: /api/show answers {status}")
    listed = await _listed(question, model)
    if shown.is_remote or listed.is_remote:
        return Inspection(breach=f"{model} is run by another host")
    digest = listed.digest or shown.digest
    if not digest:
        return Inspection(problem=f"{model}: the server does not tell its digest")
    return Inspection(digest=digest, wire_name=await _safest(question, model))


async def _safest(question: Question, model: str) -> str:
    """Return `name:tag:local` where the server knows that form, else the name as it is.

    WHY: a server that knows it answers for the local model or not at all. An older server calls
    `name:tag:local` invalid; without the tag it would look for a tag called `local`.
    """
    if model.lower().endswith(LOCAL):
        return model
    local = tagged(model) + LOCAL
    status, shown = await _show(question, local)
    return local if status == OK and not shown.is_remote else model


async def _show(question: Question, model: str) -> tuple[int, _Shown]:
    status, body = await question(SHOW, model)
    return status, msgspec.json.decode(body, type=_Shown) if status == OK else _Shown()


async def _listed(question: Question, model: str) -> _Shown:
    status, body = await question(TAGS, "")
    tags = msgspec.json.decode(body, type=_Tags) if status == OK else _Tags()
    plain = model[: -len(LOCAL)] if model.lower().endswith(LOCAL) else model
    names = {model, tagged(model), tagged(plain)}
    return next((one for one in tags.models if names & {one.name, one.model}), _Shown())
