"""The quiet routes of the data listener: models, a caller's own records, and 404 for the rest."""

import hashlib
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Protocol

import msgspec
from litestar import Litestar, Request, Response, get, route
from litestar.exceptions import HTTPException, MethodNotAllowedException, NotFoundException

from gateway.audit.record import Attempted, Decided, Settled
from gateway.domain.caller import Caller
from gateway.domain.dialect import Dialect, ErrorReply
from gateway.domain.errors import (
    GatewayError,
    Malformed,
    Unauthenticated,
    UnknownPath,
    WrongMethod,
    WrongProtocol,
)
from gateway.flow.ports import Worlds
from gateway.identity.keys import refused
from gateway.identity.sent import Sent
from gateway.routing.allowance import names_for
from gateway.routing.names import resolve
from gateway.surfaces.explanation import explanation
from gateway.surfaces.front import Door
from gateway.surfaces.knock import sent_of
from gateway.surfaces.ollama_api import ROUTE, OllamaApi
from gateway.surfaces.places import PLACE, Place, require_known
from gateway.surfaces.surface import find

RECORD_ID_CHARACTERS = 36
BEDROCK_PATHS = ("/model/", "/inference-profiles")
AnyRequest = Request[Any, Any, Any]


class Records(Protocol):
    """Reads the ledger."""

    async def record_of(
        self, record_id: str
    ) -> tuple[Decided, tuple[Attempted, ...], Settled | None] | None:
        """Return what stands about one request, or None."""

    async def is_of(self, decided: Decided, subject: str) -> bool:
        """Was it this person or service who asked? No, where that is erased."""


class Api:
    """Handlers of the quiet routes; each knows its caller by key."""

    def __init__(self, door: Door, worlds: Worlds, records: Records) -> None:
        self._door = door
        self._worlds = worlds
        self._records = records
        self._ollama = OllamaApi(self._caller, self._error, worlds)

    def application(self) -> Litestar:
        """Return the Litestar application behind the hot routes."""

        @route("/", http_method=["HEAD", "GET"])
        async def root() -> Response[bytes]:
            return Response(b"", media_type="text/plain")

        @get(["/v1/models", "/v1beta/models"])
        async def models(request: AnyRequest) -> Response[bytes]:
            return self._answer(request, lambda caller: self._models(request, caller))

        @get(["/v1/models/{name:path}", "/v1beta/models/{name:path}"])
        async def model(request: AnyRequest, name: str) -> Response[bytes]:
            # WHY: a verb of Google's stands behind a model's name, and is no part of it.
            found = find(request.scope["raw_path"].decode("latin-1"))
            if found is not None:
                return self._wrong_method(request, "POST", found.surface.dialect)
            return self._answer(request, lambda _: self._model(request, name.removeprefix("/")))

        @get("/inference-profiles")
        async def profiles(request: AnyRequest) -> Response[bytes]:
            # WHY: profiles are the provider's; which names may be asked for is told by the models.
            return self._answer(request, lambda _: {"inferenceProfileSummaries": []})

        @get("/v1/responses")
        async def responses(request: AnyRequest) -> Response[bytes]:
            return self._no_upgrade(request)

        @get("/v1/records/{record_id:str}")
        async def record(request: AnyRequest, record_id: str) -> Response[bytes]:
            return await self._record(request, record_id)

        return Litestar(
            route_handlers=[
                *(root, models, model, profiles, responses, record),
                *self._ollama.handlers(),
            ],
            openapi_config=None,
            exception_handlers={Exception: self._unexpected, HTTPException: self._not_here},
            logging_config=None,
        )

    def _answer(
        self, request: AnyRequest, answer: Callable[[Caller], dict[str, Any]]
    ) -> Response[bytes]:
        try:
            return _json(answer(self._caller(request)))
        except GatewayError as error:
            return self._error(request, error)

    def _caller(self, request: AnyRequest) -> Caller:
        """Return the caller; Unauthenticated, or Malformed for an unknown claim in the path.

        WHY: a client that asks for the models first hears there that its base URL is wrong.
        """
        caller = self._met(request)
        world = self._worlds.now()
        place: Any = request.scope.get(PLACE, Place(""))
        require_known(place, world.registry, world.vocabulary)
        return caller

    def _met(self, request: AnyRequest) -> Caller:
        """Return the caller; what is signed here has no body."""
        try:
            sent = sent_of(request.scope, self._door)  # type: ignore[arg-type]
            met = self._door.callers.meet(sent, self._door.clock.now())
            if isinstance(met, Caller):
                return met
            return met.proven(_hash_of_no_body(sent))
        except (Unauthenticated, Malformed):
            self._door.doorbell.unauthenticated()
            raise

    def _models(self, request: AnyRequest, caller: Caller) -> dict[str, Any]:
        names = names_for(caller.allowance, self._worlds.now().fleet.catalogue)
        if _is_googles(request):
            return {"models": [_googles(name) for name in names]}
        data = [_described(request, name) for name in names]
        if not _is_anthropic(request):
            return {"object": "list", "data": data}
        return {
            "data": data,
            "has_more": False,
            "first_id": names[0] if names else None,
            "last_id": names[-1] if names else None,
        }

    def _model(self, request: AnyRequest, name: str) -> dict[str, Any]:
        # INVARIANT: a name that may be asked for is there, in whichever of its forms.
        resolve(name, self._worlds.now().fleet.catalogue)
        return _described(request, name)

    async def _record(self, request: AnyRequest, record_id: str) -> Response[bytes]:
        try:
            caller = self._caller(request)
            found = None
            if len(record_id) == RECORD_ID_CHARACTERS:
                found = await self._records.record_of(record_id)
            if found is None or not await self._is_own(found[0], caller):
                raise UnknownPath("There is no such record of yours.")
            return _json(explanation(*found))
        except GatewayError as error:
            return self._error(request, error)

    async def _is_own(self, decided: Decided, caller: Caller) -> bool:
        """Is it the caller's own? Many share what stands where else the id of a key does."""
        if decided.key_id != caller.key_id:
            return False
        return not caller.known_by or await self._records.is_of(decided, caller.subject)

    def _no_upgrade(self, request: AnyRequest) -> Response[bytes]:
        """Say at once that no websocket is spoken: Codex then sends the same by POST.

        WHY: nobody asks for its key here, since any other status makes it try again for long.
        """
        if request.headers.get("upgrade", "").lower() != "websocket":
            return self._wrong_method(request, "POST", "openai_responses")
        speaks = self._door.dialects["openai_responses"]
        return _told(speaks.refusal(WrongProtocol("Send this by POST."), ""), upgrade="HTTP/1.1")

    def _not_here(self, request: AnyRequest, error: HTTPException) -> Response[bytes]:
        """Say that there is no such path, or that it takes another method."""
        found = find(request.scope["raw_path"].decode("latin-1"))
        if found is not None:
            return self._wrong_method(request, "POST", found.surface.dialect)
        is_other = _is_nearly_a_surface(request) or _names_a_verb(request)
        if isinstance(error, MethodNotAllowedException) and not is_other:
            return self._wrong_method(request, (error.headers or {}).get("allow", "GET"))
        absent = isinstance(error, NotFoundException | MethodNotAllowedException)
        what = "There is no such path." if absent else error.detail
        return self._error(request, UnknownPath(what))

    def _wrong_method(self, request: AnyRequest, allow: str, dialect: str = "") -> Response[bytes]:
        speaks = self._door.dialects[dialect] if dialect else self._dialect(request)
        form = speaks.refusal(WrongMethod(f"Send this by {allow}."), "")
        return _told(form, allow=allow)

    def _unexpected(self, request: AnyRequest, _: Exception) -> Response[bytes]:
        return self._error(request, GatewayError("Something went wrong here."))

    def _error(self, request: AnyRequest, error: GatewayError) -> Response[bytes]:
        return _told(self._dialect(request).refusal(error, ""))

    def _dialect(self, request: AnyRequest) -> Dialect:
        dialects: Mapping[str, Dialect] = self._door.dialects
        if request.scope["path"].startswith(ROUTE):
            return dialects["ollama_chat"]
        if request.url.path.startswith(BEDROCK_PATHS):
            return dialects["bedrock_converse"]
        if _is_googles(request):
            return dialects["gemini"]
        return dialects["anthropic_messages" if _is_anthropic(request) else "openai_chat"]


def _is_nearly_a_surface(request: AnyRequest) -> bool:
    """Is it a surface but for its slashes? A surface is one to the letter, so nothing is there."""
    labels = [label for label in request.scope["path"].split("/") if label]
    return find("/" + "/".join(labels)) is not None


def _names_a_verb(request: AnyRequest) -> bool:
    """Does it send something to a model with a verb of Google's that is not served?"""
    path = request.scope["path"]
    return request.method == "POST" and ":" in path.partition("/models/")[2]


def _is_anthropic(request: AnyRequest) -> bool:
    return "anthropic-version" in request.headers


def _described(request: AnyRequest, name: str) -> dict[str, Any]:
    """Return what is said of one name, in the form of the client's vendor."""
    if _is_googles(request):
        return _googles(name)
    if _is_anthropic(request):
        made = datetime.fromtimestamp(0, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        return {"type": "model", "id": name, "display_name": name, "created_at": made}
    return {"id": name, "object": "model", "created": 0, "owned_by": "perimeter"}


def _hash_of_no_body(sent: Sent) -> bytes:
    if "transfer-encoding" in sent.fields or sent.fields.get("content-length", "0") != "0":
        raise refused()
    return hashlib.sha256(b"").digest()


def _is_googles(request: AnyRequest) -> bool:
    """Is the client one of Google's, by its header or by a path that only it has?"""
    return "x-goog-api-key" in request.headers or request.url.path.startswith("/v1beta")


def _googles(name: str) -> dict[str, Any]:
    """Return a model as Google's API lists it."""
    return {
        "name": f"models/{name}",
        "displayName": name,
        "supportedGenerationMethods": ["generateContent", "countTokens"],
    }


def _told(form: ErrorReply, **headers: str) -> Response[bytes]:
    """Return an error in a client's form, with header fields of its own."""
    return Response(
        form.body,
        status_code=form.status,
        media_type=form.content_type,
        headers={**headers, **dict(form.headers)},
    )


def _json(value: dict[str, Any]) -> Response[bytes]:
    return Response(msgspec.json.encode(value), media_type="application/json")
