"""What Bedrock asks for beside the messages: versions, betas, and the id of our record."""

import re

import msgspec

from gateway.domain.fleet import Offering
from gateway.domain.request import Body
from gateway.translation.own_thinking import UNSIGNED, signed_alone
from gateway.translation.signatures import is_signed
from gateway.transport.anthropic_terms import BETAS as BETAS_SETTING
from gateway.transport.anthropic_terms import NEW, OLD, betas, unsampled, version_of
from gateway.transport.anthropic_terms import VERSION as VERSION_SETTING
from gateway.transport.backend import BETA_FIELD, BETA_LOSS, Telling
from gateway.transport.credentials import Fields

METADATA_MAX = 16
VERSION = "bedrock-2023-05-31"
VERSIONS = (VERSION, NEW)
# What Bedrock is known to take; it refuses a request for any other.
BETAS = frozenset(
    {
        "compact-2026-01-12",
        "computer-use-2024-10-22",
        "computer-use-2025-01-24",
        "computer-use-2025-11-24",
        "context-1m-2025-08-07",
        "context-management-2025-06-27",
        "dev-full-thinking-2025-05-14",
        "effort-2025-11-24",
        "fine-grained-tool-streaming-2025-05-14",
        "interleaved-thinking-2025-05-14",
        "output-128k-2025-02-19",
        "token-efficient-tools-2025-02-19",
        "tool-examples-2025-10-29",
        "tool-search-tool-2025-10-19",
    }
)
_EXTRAS = "additionalModelRequestFields"
_CLAUDE = re.compile(r"(?:^|[./])anthropic\.")
_OPENAI = re.compile(r"(?:^|[./])openai\.")


def misfits(offering: Offering) -> str | None:
    """Return what is wrong with the version that an offering states, or None."""
    stated = offering.settings.get(VERSION_SETTING, VERSION)
    return None if stated in VERSIONS else f"{VERSION_SETTING} is one of {', '.join(VERSIONS)}"


def marked(body: Body, record_id: str) -> Body:
    """Return the body with our record id, which then stands in the account's own log."""
    told = body.get("requestMetadata")
    kept = dict(list(told.items())[: METADATA_MAX - 1]) if isinstance(told, dict) else {}
    return {**body, "requestMetadata": {**kept, "perimeter-record": record_id}}


def conversed(body: Body, telling: Telling) -> tuple[Body, tuple[str, ...]]:
    """Return the body of Converse with those betas only that Bedrock takes.

    A Claude gets no reasoning that no Claude signed.
    """
    body, unsigned = _signed(body) if is_claude(telling.offering.wire_model) else (body, ())
    extras = body.get(_EXTRAS) or {}
    said = extras.get("anthropic_beta")
    if not said:
        return body, unsigned
    kept, lost = _allowed(said if isinstance(said, list) else [said], telling)
    told = {name: value for name, value in extras.items() if name != "anthropic_beta"}
    return {**body, _EXTRAS: {**told, **({"anthropic_beta": kept} if kept else {})}}, (
        *unsigned,
        *lost,
    )


def _signed(body: Body) -> tuple[Body, tuple[str, ...]]:
    """Return the body without reasoning that no Claude signed; a turn of nothing else goes too."""
    messages = body.get("messages") or []
    kept = [
        {**one, "content": [block for block in one["content"] if not _is_unsigned(block)]}
        for one in messages
    ]
    if kept == messages:
        return body, ()
    return {**body, "messages": [one for one in kept if one["content"]]}, (UNSIGNED,)


def _is_unsigned(block: Body) -> bool:
    text = (block.get("reasoningContent") or {}).get("reasoningText")
    return text is not None and not is_signed(text.get("signature"))


def invoked(body: Body, telling: Telling) -> tuple[Body, tuple[str, ...]]:
    """Return the body of Messages as it is invoked: the path says the model and the stream."""
    said = [one.strip() for one in telling.told.get(BETA_FIELD, "").split(",")]
    kept, lost = _allowed([one for one in said if one], telling)
    version = version_of(telling.offering, VERSION)
    body, unsigned = signed_alone(body)
    body, unsaid = unsampled(body, version)
    plain = {name: value for name, value in body.items() if name not in ("model", "stream")}
    allowed = {"anthropic_beta": kept} if kept else {}
    return {"anthropic_version": version, **plain, **allowed}, (*unsigned, *unsaid, *lost)


def sent(body: Body, telling: Telling) -> tuple[Body, tuple[str, ...]]:
    """Return the body of Messages for the path like Anthropic's, in the offering's version."""
    body, unsigned = signed_alone(body)
    body, unsaid = unsampled(body, version_of(telling.offering, VERSION))
    return body, (*unsigned, *unsaid)


def told(telling: Telling) -> tuple[Fields, tuple[str, ...]]:
    """Return what the path like Anthropic's is told in its head: the version, and the betas.

    WHY: there is no place for our record id; Bedrock's own header for it belongs to invocations.
    """
    version = NEW if version_of(telling.offering, VERSION) == NEW else OLD
    kept, lost = betas(BETAS)(telling)
    return (("anthropic-version", version), *kept), lost


def fields(telling: Telling) -> tuple[Fields, tuple[str, ...]]:
    """Return what an invocation says in its head: our record id, and what its chunks hold."""
    record = msgspec.json.encode({"perimeter-record": telling.record_id}).decode()
    accepted = (("x-amzn-bedrock-accept", "application/json"),) if telling.streams else ()
    return (("x-amzn-bedrock-request-metadata", record), *accepted), ()


def _allowed(betas: list[str], telling: Telling) -> tuple[list[str], tuple[str, ...]]:
    """Return the betas that are allowed, in code or by the backend's own setting; and a loss."""
    more = frozenset(str(telling.settings.get(BETAS_SETTING, "")).split())
    kept = [one for one in dict.fromkeys(betas) if one in BETAS | more]
    return kept, () if len(kept) == len(set(betas)) else (BETA_LOSS,)


def is_claude(name: str) -> bool:
    """Is it a Claude by its id, with whatever profile before it, or at the end of an ARN?"""
    return _CLAUDE.search(name) is not None


def is_openai(name: str) -> bool:
    """Is it a model of OpenAI by its id?"""
    return _OPENAI.search(name) is not None
