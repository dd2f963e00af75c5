"""Which requests are let in: their shape, and that no part makes the provider fetch or run."""

from collections.abc import Iterable
from typing import Any

from gateway.dialects.gemini.shapes import (
    PARTS_MAX,
    Blob,
    Content,
    Declaration,
    FunctionCall,
    FunctionResponse,
    Objects,
    Request,
    shaped,
)
from gateway.dialects.gemini.spelling import Json, canonical, snake
from gateway.domain.errors import CannotExpress, Malformed
from gateway.domain.request import Body

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
_TYPED: tuple[tuple[str, Any], ...] = (("thought", bool | None), ("thoughtSignature", str | None))
# The vendor's own tools, as errors may name them.
_PROVIDER_RUN = frozenset(
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


def admit(body: Body) -> tuple[Request, frozenset[str]]:
    """Return the request, checked, and the kinds of its parts; Malformed or CannotExpress.

    INVARIANT: no part makes the provider fetch or run something, or take what it keeps: that would
    be egress, or a prompt, which the gateway neither sees nor records.
    """
    said = canonical(body)
    if said.get("cachedContent"):
        raise Malformed("cachedContent names what the provider keeps: send the words themselves.")
    request = shaped(_listed(said), Request)
    for at, tool in enumerate(request.tools or ()):
        _admit_tool(tool, f"tools[{at}]")
    kinds: set[str] = set()
    for at, content in enumerate(request.contents):
        if content.role not in ROLES:
            raise Malformed(f"contents[{at}].role must be user or model.")
        kinds |= _kinds(content, f"contents[{at}]")
    if request.system_instruction is not None:
        kinds |= _kinds(request.system_instruction, "systemInstruction")
    return request, frozenset(kinds)


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
    parts = value.get("parts")
    return {**value, "parts": [parts] if isinstance(parts, dict) else parts or []}


def _objects(value: Json) -> Objects:
    return [value] if isinstance(value, dict) else value or []


def _kinds(content: Content, path: str) -> set[str]:
    return {
        kind
        for at, part in enumerate(content.parts)
        for kind in _admit_part(part, f"{path}.parts[{at}]")
    }


def _admit_part(part: dict[str, Any], path: str) -> set[str]:
    """Return the kinds of one part and of what is inside it."""
    names = {name for name, value in part.items() if value is not None}
    if "fileData" in names:
        raise Malformed(f"{path} must carry its data: the provider may fetch nothing.")
    # WHY: a part of a kind that nobody here knows may be an order to fetch or to run something.
    if not names <= SAID.keys() | BESIDE:
        raise Malformed(f"{path} must be text, inlineData, functionCall or functionResponse.")
    for name, shape in _TYPED:
        shaped(part.get(name), shape, f"{path}.{name}: ")
    said = names & SAID.keys()
    if len(said) > 1:
        raise Malformed(f"{path} says more than one thing.")
    for name in said:
        found: object = shaped(part[name], SAID[name], f"{path}.{name}: ")
        return {_need(found, name), *_inside(found, f"{path}.{name}")}
    return set()


def _inside(found: object, path: str) -> set[str]:
    if not isinstance(found, FunctionResponse):
        return set()
    parts = found.parts or []
    if len(parts) > PARTS_MAX or any(kind_of(part) != "inlineData" for part in parts):
        raise Malformed(f"{path}.parts must carry inlineData: the provider may fetch nothing.")
    return {kind for part in parts for kind in _admit_part(part, f"{path}.parts")}


def _need(found: object, name: str) -> str:
    if isinstance(found, Blob):
        return "images" if found.mime_type.startswith("image/") else "documents"
    return "tools" if name in ("functionCall", "functionResponse") else ""


def _admit_tool(tool: dict[str, Any], path: str) -> None:
    names = [name for name, value in tool.items() if value is not None and name != DECLARATIONS]
    if names:
        known = next((snake(name) for name in names if name in _PROVIDER_RUN), "unknown")
        raise CannotExpress(f"The provider-run tool {known} works outside the boundary.")
    declared = tool.get(DECLARATIONS)
    if declared is not None and not isinstance(declared, dict | list):
        raise Malformed(f"{path}.functionDeclarations must be a list.")
    for one in _objects(declared):
        shaped(one, Declaration, f"{path}.functionDeclarations: ")
