"""What Anthropic's API asks for beside the body: versions, betas, and where inference runs.

More than one operator answers as Claude; what they share is here, each record says the rest.
"""

from collections.abc import Callable, Iterator
from typing import Any

import msgspec
from msgspec import Struct

from gateway.domain.fleet import Offering
from gateway.domain.request import Body
from gateway.translation.own_thinking import signed_alone
from gateway.transport.backend import BETA_FIELD, BETA_LOSS, Telling
from gateway.transport.credentials import Fields, Settings
from gateway.transport.residency.verdicts import word

VERSION = "anthropic_version"
GEO = "inference_geo"
BETAS = "betas"
OLD = "2023-06-01"
NEW = "2026-10-21"
VERTEX = "vertex-2023-10-16"
BETAS_MAX = 64
# WHY: the new version answers these with 400; a client of the old one sends them in good faith.
SAMPLING = ("temperature", "top_p", "top_k")
GEOGRAPHIES = {"us": frozenset({"US"})}
# Betas that change how a prompt is written or answered. None of them makes anybody fetch, run or
# keep anything, or answer from elsewhere; what does is not here, and is lost by name.
AT_ANTHROPIC = frozenset(
    {
        "claude-code-20250219",
        "compact-2026-01-12",
        "compact-2026-09-04",
        "computer-use-2025-01-24",
        "computer-use-2025-11-24",
        "context-1m-2025-08-07",
        "context-management-2025-06-27",
        "dev-full-thinking-2025-05-14",
        "effort-2025-11-24",
        "extended-cache-ttl-2025-04-11",
        "fine-grained-tool-streaming-2025-05-14",
        "interleaved-thinking-2025-05-14",
        "mid-conversation-output-config-2026-07-01",
        "mid-conversation-tool-changes-2026-07-01",
        "model-context-window-exceeded-2025-08-26",
        "output-128k-2025-02-19",
        "pdfs-2024-09-25",
        "prompt-caching-2024-07-31",
        "prompt-caching-scope-2026-01-05",
        "structured-outputs-2025-11-13",
        "structured-outputs-2025-12-15",
        "task-budgets-2026-03-13",
        "thinking-binding-controls-2026-08-01",
        "thinking-display-updates-2026-08-18",
        "thinking-token-count-2026-05-13",
        "token-counting-2024-11-01",
        "token-efficient-tools-2025-02-19",
        "tool-search-tool-2025-10-19",
    }
)
AT_VERTEX = frozenset(
    {
        "compact-2026-01-12",
        "compact-2026-09-04",
        "computer-use-2025-01-24",
        "computer-use-2025-11-24",
        "context-1m-2025-08-07",
        "context-management-2025-06-27",
        "interleaved-thinking-2025-05-14",
        "thinking-binding-controls-2026-08-01",
        "thinking-display-updates-2026-08-18",
        "tool-search-tool-2025-10-19",
    }
)
_DATA = b"data:"
_KEY = b'"inference_geo"'


class _Usage(Struct):
    inference_geo: Any = None


class _Message(Struct):
    usage: _Usage | None = None


class _Payload(Struct):
    """What is read of a reply, or of one event of a stream."""

    usage: _Usage | None = None
    message: _Message | None = None


def version_of(offering: Offering, otherwise: str = OLD) -> str:
    """Return the version of the API in which that offering is asked."""
    return str(offering.settings.get(VERSION, otherwise))


def geo_of(offering: Offering, settings: Settings) -> str:
    """Return where inference shall run, by offering or backend; empty where nobody says."""
    return str(offering.settings.get(GEO, settings.get(GEO, "")))


def unsampled(body: Body, version: str) -> tuple[Body, tuple[str, ...]]:
    """Return the body as that version takes it, and what it does not take any more."""
    lost = tuple(name for name in SAMPLING if body.get(name) is not None)
    if version != NEW or not lost:
        return body, ()
    return {name: value for name, value in body.items() if name not in SAMPLING}, lost


def placed(body: Body, telling: Telling) -> tuple[Body, tuple[str, ...]]:
    """Return the body for Anthropic itself: in its version, and with the place of inference."""
    body, unsigned = signed_alone(body)
    body, lost = unsampled(body, version_of(telling.offering))
    geo = geo_of(telling.offering, telling.settings)
    return ({**body, GEO: geo} if geo else body), (*unsigned, *lost)


def counted(body: Body, _telling: Telling) -> tuple[Body, tuple[str, ...]]:
    """Return the body of a count: the prompt as it would be answered."""
    return signed_alone(body)


def told(telling: Telling) -> tuple[Fields, tuple[str, ...]]:
    """Return the header fields for Anthropic itself, and what is not told."""
    fields, lost = betas(AT_ANTHROPIC)(telling)
    return (("anthropic-version", version_of(telling.offering)), *fields), lost


def betas(allowed: frozenset[str]) -> Callable[[Telling], tuple[Fields, tuple[str, ...]]]:
    """Return what tells the betas that are allowed, in code or by the backend's own setting.

    INVARIANT: what is not allowed by name is not told, and its loss repeats no word of the client.
    """

    def fields(telling: Telling) -> tuple[Fields, tuple[str, ...]]:
        given = telling.told.get(BETA_FIELD, "").split(",")
        asked = dict.fromkeys(word for one in given if (word := one.strip()))
        more = frozenset(str(telling.settings.get(BETAS, "")).split())
        kept = [word for word in asked if word in allowed | more][:BETAS_MAX]
        lost = (BETA_LOSS,) if len(kept) < len(asked) else ()
        return (((BETA_FIELD, ",".join(kept)),) if kept else ()), lost

    return fields


def misfits(versions: tuple[str, ...], known: frozenset[str]) -> Callable[[Offering], str | None]:
    """Return what says what is wrong with the settings of an offering."""

    def why(offering: Offering) -> str | None:
        unknown = sorted(offering.settings.keys() - known)
        if unknown:
            return f"{unknown[0]}: no such setting"
        if offering.settings.get(VERSION, versions[0]) not in versions:
            return f"{VERSION} is one of {', '.join(versions)}"
        return None

    return why


def faults(_place: object, settings: Settings) -> tuple[tuple[str, str], ...]:
    """Return what is wrong with the settings of a backend at Anthropic."""
    unknown = sorted(settings.keys() - {GEO, BETAS})
    wrong = [name for name in (GEO, BETAS) if not isinstance(settings.get(name, ""), str)]
    found = [f"{name}: no such setting" for name in unknown] + [f"{name} is text" for name in wrong]
    return tuple(("settings", fault) for fault in found)


def anywhere(offering: Offering, settings: Settings) -> bool:
    """May any region answer? True unless a geography is asked for whose countries are known."""
    return geo_of(offering, settings) not in GEOGRAPHIES


def stands(offering: Offering, settings: Settings) -> frozenset[str] | None:
    """Return the countries of the geography that is asked for, None where there is none."""
    return GEOGRAPHIES.get(geo_of(offering, settings))


def strayed(payload: bytes, offering: Offering, settings: Settings) -> str:
    """Return why this payload of a reply is proof that inference ran elsewhere; else empty.

    Only `usage` at its own place counts: words in a prompt do not.
    """
    geo = geo_of(offering, settings)
    ran = next((echo for echo in _echoes(payload) if geo and echo != geo), None)
    return "" if ran is None else f"inference was asked for in {geo} and ran elsewhere"


def observed(payload: bytes) -> str:
    """Return the place that this payload of a reply tells; empty where it tells none."""
    echo = next(_echoes(payload), None)
    return "" if echo is None else word(echo)


def _echoes(payload: bytes) -> Iterator[Any]:
    if _KEY not in payload:
        return
    try:
        said = msgspec.json.decode(payload.removeprefix(_DATA), type=_Payload)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return
    usages = (said.usage, said.message.usage if said.message is not None else None)
    told = (one.inference_geo for one in usages if one is not None)
    yield from (echo for echo in told if echo is not None)
