"""Which requests are let in: their shape, and that no part makes the provider fetch or run."""

from collections.abc import Iterable
from typing import Any

from msgspec import Struct

from gateway.dialects.gemini.shapes import (
    Blob,
    Content,
    Declaration,
    FunctionCall,
    FunctionResponse,
    Objects,
    Request,
)
from gateway.dialects.gemini.spelling import Json, canonical, snake
from gateway.domain.errors import CannotExpress, Malformed
from gateway.domain.request import Body
from gateway.translation.shaping import shaped

ROLES = {"user": "user", "model": "assistant", "function": "user", "": "user", None: "user"}
DECLARATIONS = "functionDeclarations"
SAID: dict[str, Any] = {
    "text": str,
    "inlineData": Blob,
    "functionCall": FunctionCall,
    "functionResponse": FunctionResponse,
    "executableCode": dict[str, Any],
    "codeExecutionResult": dict[str, Any],
}
BESIDE = frozenset(
    {"thought", "thoughtSignature", "videoMetadata", "mediaResolution", "partMetadata"}
)
FILE = "fileData"
FETCHED, KEPT = "remote_url", "cached_content"
KEPT_FIELDS = ("cachedContent", "cached_content")
_TURN = frozenset({"role", "parts"})
_TYPED: tuple[tuple[str, Any], ...] = (("thought", bool | None), ("thoughtSignature", str | None))
# The vendor's own tools, as errors may name them.
PROVIDER_RUN = frozenset(
    {
        "codeExecution",
        "computerUse",
        "enterpriseWebSearch",
        "fileSearch",
        "googleMaps",
        "googleSearch",
        "googleSearchRetrieval",
        "mcpServers",
        "retrieval",
        "urlContext",
    }
)
REACHING = frozenset({FETCHED, KEPT, *(f"tools.{snake(name)}" for name in PROVIDER_RUN)})


class Admitted(Struct, frozen=True):
    """A request that was checked, what it needs, and what it reaches for by name."""

    request: Request
    needs: frozenset[str]
    reaches: frozenset[str]


def admit(body: Body, passed: frozenset[str] = frozenset()) -> Admitted:
    """Return the request, checked; Malformed or CannotExpress.

    INVARIANT: no part makes the provider fetch or run something, or take what it keeps, that is not
    in `passed`: that would be egress, or a prompt, which the gateway neither sees nor records.
    """
    said = canonical(body)
    request = shaped(_listed(said), Request)
    found = _Found(passed)
    if said.get("cachedContent"):
        found.reach(KEPT, "cachedContent names what the provider keeps: send the words themselves.")
    for at, tool in enumerate(request.tools or ()):
        found.tool(tool, f"tools[{at}]")
    for at, content in enumerate(request.contents):
        if content.role not in ROLES:
            raise Malformed(f"contents[{at}].role must be user or model.")
        found.content(content, f"contents[{at}]")
    if request.system_instruction is not None:
        found.content(request.system_instruction, "systemInstruction")
    return Admitted(request, frozenset(found.needs), frozenset(found.reaches))


def kind_of(part: dict[str, Any]) -> str:
    """Return the name under which a part says something; empty where it says nothing."""
    return next((name for name in SAID if part.get(name) is not None), "")


def declarations(tools: Iterable[dict[str, Any]] | None) -> Objects:
    """Return every function that the tools declare."""
    return [one for tool in tools or () for one in _objects(tool.get(DECLARATIONS))]


def _listed(said: Body) -> Body:
    """Return the request with lists where the vendor takes a single object as well."""
    listed = dict(said)
    for name in ("contents", "tools"):
        if isinstance(said.get(name), dict):
            listed[name] = [said[name]]
    if isinstance(listed.get("contents"), list):
        listed["contents"] = [_content(one) for one in listed["contents"]]
    system = said.get("systemInstruction")
    listed["systemInstruction"] = (
        {"parts": [{"text": system}]} if isinstance(system, str) else _content(system)
    )
    return listed


def _content(value: Json) -> Json:
    if not isinstance(value, dict):
        return value
    if not value.keys() <= _TURN:
        # WHY: the vendor refuses it as well; what stands beside the parts is read by nobody here.
        raise Malformed("A turn of contents or systemInstruction holds a role and parts alone.")
    parts = value.get("parts")
    return {**value, "parts": [parts] if isinstance(parts, dict) else parts or []}


def _objects(value: Json) -> Objects:
    return [value] if isinstance(value, dict) else value or []


class _Found:
    """What the parts and tools of a request need, and what they reach for."""

    def __init__(self, passed: frozenset[str]) -> None:
        self._passed = passed
        self.needs: set[str] = set()
        self.reaches: set[str] = set()

    def reach(self, name: str, refusal: str) -> None:
        """Note what makes the provider act; Malformed where policy names no such thing."""
        if name not in self._passed:
            raise Malformed(refusal)
        self.reaches.add(name)

    def content(self, content: Content, path: str) -> None:
        """Check every part of a turn."""
        for at, part in enumerate(content.parts):
            self._part(part, f"{path}.parts[{at}]")

    def _part(self, part: dict[str, Any], path: str) -> None:
        names = {name for name, value in part.items() if value is not None}
        if FILE in names:
            self.reach(FETCHED, f"{path} must carry its data: the provider may fetch nothing.")
        # WHY: a part of a kind that nobody here knows may be an order to fetch or to run something.
        if not names <= SAID.keys() | BESIDE | {FILE}:
            raise Malformed(f"{path} must be text, inlineData, functionCall or functionResponse.")
        for name, shape in _TYPED:
            shaped(part.get(name), shape, f"{path}.{name}: ")
        said = names & (SAID.keys() | {FILE})
        if len(said) > 1:
            raise Malformed(f"{path} says more than one thing.")
        for name in said - {FILE}:
            self._said(name, shaped(part[name], SAID[name], f"{path}.{name}: "), f"{path}.{name}")

    def _said(self, name: str, found: object, path: str) -> None:
        if isinstance(found, Blob):
            self.needs.add("images" if found.mime_type.startswith("image/") else "documents")
        elif name in ("functionCall", "functionResponse"):
            self.needs.add("tools")
        parts = (found.parts if isinstance(found, FunctionResponse) else None) or ()
        for part in parts:
            if kind_of(part) != "inlineData" and FILE not in part:
                raise Malformed(
                    f"{path}.parts must carry inlineData: the provider fetches nothing."
                )
            self._part(part, f"{path}.parts")

    def tool(self, tool: dict[str, Any], path: str) -> None:
        """Check one tool: functions, or what the provider runs and policy names."""
        for name in (one for one, said in tool.items() if said is not None):
            if name == DECLARATIONS:
                continue
            word = snake(name) if name in PROVIDER_RUN else "unknown"
            if f"tools.{word}" not in self._passed:
                raise CannotExpress(f"The provider-run tool {word} works outside the boundary.")
            self.reaches.add(f"tools.{word}")
        declared = tool.get(DECLARATIONS)
        if declared is not None and not isinstance(declared, dict | list):
            raise Malformed(f"{path}.functionDeclarations must be a list.")
        for one in _objects(declared):
            self.needs.add("tools")
            shaped(one, Declaration, f"{path}.functionDeclarations: ")
