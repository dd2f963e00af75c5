"""What a request asks for, and the body that passes through."""

from collections.abc import Callable
from typing import Any

from msgspec import UNSET

from gateway.dialects.gemini.admit import admit
from gateway.dialects.gemini.family import family_of
from gateway.dialects.gemini.signatures import UNSIGNED, is_foreign, plain
from gateway.dialects.gemini.spelling import Json, camel, canonical, without
from gateway.domain.fleet import Offering
from gateway.domain.request import Ask, Body

_SIGNATURE, _SIGNATURE_TOO = "thoughtSignature", "thought_signature"


def peek(body: Body, passed: frozenset[str] = frozenset()) -> Ask:
    """Return what is wanted but for model and stream, which the path says; Malformed.

    CannotExpress for what would make the provider act and is not in `passed`.
    """
    admitted = admit(body, passed)
    settings = admitted.request.generation_config
    drawn = (settings.candidate_count if settings else None) or 1
    return Ask(
        model="",
        needs=admitted.needs,
        output_tokens_max=settings.max_output_tokens if settings else None,
        reaches=admitted.reaches or UNSET,
        replies=drawn if drawn > 1 else UNSET,
    )


def rewrite(body: Body, offering: Offering, _stream: bool) -> Body:  # noqa: FBT001
    """Return the body for an engine that speaks this dialect; the path says model and stream.

    Every field stays in its place and its spelling, but where the client is, and signatures that
    would be refused: those of other vendors, and the dummy where models do not know it.
    """
    signs = family_of(offering).signs_calls
    kept = without(body, "model")
    for name, value in kept.items():
        if camel(name) == "toolConfig" and isinstance(value, dict):
            kept[name] = without(value, "retrievalConfig")
        elif name == "contents":
            kept[name] = _each(value, lambda content: _content(content, signs=signs))
    return kept


def sheds(body: Body) -> tuple[str, ...]:
    """Return what `rewrite` takes out: a place on earth serves no tool that may be used."""
    said = canonical(body)
    config = said.get("toolConfig")
    placed = isinstance(config, dict) and config.get("retrievalConfig") is not None
    contents = _objects(said.get("contents"))
    parts = [part for content in contents for part in _objects(content.get("parts"))]
    foreign = any(is_foreign(part.get(_SIGNATURE)) for part in parts)
    names = (("retrieval_config", placed), ("thought_signature", foreign))
    return tuple(name for name, told in names if told)


def _content(content: Json, *, signs: bool) -> Json:
    if not isinstance(content, dict) or "parts" not in content:
        return content
    return {**content, "parts": _each(content["parts"], lambda part: _part(part, signs=signs))}


def _part(part: Json, *, signs: bool) -> Json:
    """Return the part without a signature that the engine would refuse, or with the one inside."""
    found = part.get(_SIGNATURE, part.get(_SIGNATURE_TOO)) if isinstance(part, dict) else None
    if not isinstance(found, str):
        return part
    bare = without(part, _SIGNATURE)
    if not is_foreign(found):
        return bare if plain(found) == UNSIGNED and not signs else part
    calls = "functionCall" in part or "function_call" in part
    return {**bare, _SIGNATURE: UNSIGNED} if calls and signs else bare


def _each(value: Json, change: Callable[[Json], Json]) -> Json:
    return [change(one) for one in value] if isinstance(value, list) else change(value)


def _objects(value: Json) -> list[dict[str, Any]]:
    listed = value if isinstance(value, list) else [value]
    return [one for one in listed if isinstance(one, dict)]
