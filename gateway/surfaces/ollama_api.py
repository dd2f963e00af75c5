"""Ollama's quiet routes: what its clients ask before and beside a chat.

Nothing here reaches an engine. A caller sees names, abilities and sizes, no backend and no zone;
models are the operator's, so every write is refused.
"""

import hashlib
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec
from litestar import Request, Response, route
from litestar.handlers import HTTPRouteHandler

from gateway.domain.caller import Allowance, Caller
from gateway.domain.errors import GatewayError, Malformed, NotAllowed, TooLarge, UnknownModel
from gateway.domain.fleet import Fleet, Offering
from gateway.domain.request import Body, Operation
from gateway.flow.ports import Worlds
from gateway.routing.allowance import names_for
from gateway.routing.names import LATEST, resolve
from gateway.routing.plan import REPLIES
from gateway.wire import body as wire_body

# WHY: the least version whose clients may speak Responses to it, as Codex asks; it names the API
# that is spoken here, not a program that runs.
VERSION = "0.13.4"
ROUTE = "/api/"
BODY_BYTES_MAX = 64 * 1024
FAMILY = "perimeter"
_ABILITIES = {"tools": "tools", "images": "vision", "thinking": "thinking", "fim": "insert"}
_OPERATIONS = {
    Operation.GENERATE: "completion",
    Operation.EMBED: "embedding",
}
_DETAILS = {
    "parent_model": "",
    "format": "",
    "family": FAMILY,
    "families": [FAMILY],
    "parameter_size": "",
    "quantization_level": "",
}
_WRITES = (
    ("/api/create", "POST"),
    ("/api/copy", "POST"),
    ("/api/push", "POST"),
    ("/api/delete", "DELETE"),
    ("/api/blobs/{digest:str}", "POST"),
    ("/api/blobs/{digest:str}", "HEAD"),
)
AnyRequest = Request[Any, Any, Any]
Told = Response[bytes]


class OllamaApi:
    """Handlers of these routes.

    `authenticate` raises unless the caller is known; `refuse` returns an error in Ollama's form.
    """

    def __init__(
        self,
        authenticate: Callable[[AnyRequest], Caller],
        refuse: Callable[[AnyRequest, GatewayError], Told],
        worlds: Worlds,
    ) -> None:
        self._authenticate = authenticate
        self._refuse = refuse
        self._worlds = worlds

    def handlers(self) -> list[HTTPRouteHandler]:
        """Return the handlers for the application."""
        read = {
            "/api/version": lambda *_: {"version": VERSION},
            "/api/tags": _tags,
            # WHY: what an engine holds in memory is its operator's to know.
            "/api/ps": lambda *_: {"models": []},
        }
        return [
            *(self._reading(path, answer) for path, answer in read.items()),
            self._asking("/api/show", _show),
            self._asking("/api/pull", _pull),
            *(self._writing(path, method) for path, method in _WRITES),
        ]

    def _reading(self, path: str, answer: Callable[[Fleet, Allowance], Body]) -> HTTPRouteHandler:
        @route(path, http_method=["GET", "HEAD"])
        async def read(request: AnyRequest) -> Told:
            try:
                caller = self._authenticate(request)
                return _json(answer(self._worlds.now().fleet, caller.allowance))
            except GatewayError as error:
                return self._refuse(request, error)

        return read

    def _asking(self, path: str, answer: Callable[[Body, Fleet], Told]) -> HTTPRouteHandler:
        @route(path, http_method=["POST"], status_code=200)
        async def ask(request: AnyRequest) -> Told:
            try:
                self._authenticate(request)
                body = wire_body.parse(await _read(request))
                return answer(body, self._worlds.now().fleet)
            except GatewayError as error:
                return self._refuse(request, error)

        return ask

    def _writing(self, path: str, method: Any) -> HTTPRouteHandler:  # noqa: ANN401 - their literal
        @route(path, http_method=[method], status_code=200)
        async def write(request: AnyRequest) -> Told:
            try:
                self._authenticate(request)
                raise NotAllowed("Models here are the operator's; no client can change them.")
            except GatewayError as error:
                return self._refuse(request, error)

        return write


async def _read(request: AnyRequest) -> bytes:
    raw = b""
    async for part in request.stream():
        raw += part
        if len(raw) > BODY_BYTES_MAX:
            raise TooLarge(f"The body is larger than {BODY_BYTES_MAX} bytes.")
    return raw


def _named(body: Body, fleet: Fleet) -> tuple[str, tuple[Offering, ...]]:
    """Return the name that is asked for, and its offerings; older clients call it `name`."""
    name = body.get("model") or body.get("name")
    if not isinstance(name, str):
        raise Malformed("Name a model.")
    return name, resolve(name, fleet.catalogue).offerings


def _tags(fleet: Fleet, allowance: Allowance) -> Body:
    names = names_for(allowance, fleet.catalogue)
    tagged = (f"{name}{LATEST}" for name in names if ":" not in name.rpartition("/")[2])
    return {"models": [_tag(name, fleet) for name in dict.fromkeys((*names, *tagged))]}


def _tag(name: str, fleet: Fleet) -> Body:
    """Return an entry of the list; the digest stands for the name, as its clients cut it short."""
    return {
        "name": name,
        "model": name,
        "modified_at": _made(),
        "size": 0,
        "digest": hashlib.sha256(name.encode()).hexdigest(),
        "details": _DETAILS,
        "capabilities": _capabilities(resolve(name, fleet.catalogue).offerings, fleet),
    }


def _show(body: Body, fleet: Fleet) -> Told:
    _, offerings = _named(body, fleet)
    shown = {
        "license": "",
        "modelfile": "",
        "parameters": "",
        "template": "",
        "details": _DETAILS,
        "model_info": {
            "general.architecture": FAMILY,
            f"{FAMILY}.context_length": min(offering.context_tokens for offering in offerings),
        },
        "capabilities": _capabilities(offerings, fleet),
        "modified_at": _made(),
    }
    return _json(shown)


def _capabilities(offerings: Sequence[Offering], fleet: Fleet) -> list[str]:
    """Return what can be asked for by that name: a route avoids the offerings that cannot."""
    operations = {one for item in offerings for one in fleet.operations.get(item.id, REPLIES)}
    abilities = {one for offering in offerings for one in offering.capabilities}
    return [
        *(word for operation, word in _OPERATIONS.items() if operation in operations),
        *(word for ability, word in _ABILITIES.items() if ability in abilities),
    ]


def _pull(body: Body, fleet: Fleet) -> Told:
    """Say that a model is here which may be asked for; nothing is fetched for any other."""
    try:
        _named(body, fleet)
    except UnknownModel as error:
        raise UnknownModel(f"Nothing is fetched here. {error.what}") from None
    if body.get("stream") is False:
        return _json({"status": "success"})
    lines = (msgspec.json.encode({"status": said}) for said in ("pulling manifest", "success"))
    return Response(b"".join(line + b"\n" for line in lines), media_type="application/x-ndjson")


def _made() -> str:
    """Return the time of a model that tells none, as the list of models has it."""
    return datetime.fromtimestamp(0, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _json(value: Body) -> Told:
    return Response(msgspec.json.encode(value), media_type="application/json")
