"""What a request asks for, and the body that passes through to an engine of the same dialect."""

from typing import Any

from msgspec import UNSET, Struct

from gateway.dialects.openai_responses import items, tools
from gateway.domain.errors import CannotExpress, Malformed
from gateway.domain.fleet import Offering
from gateway.domain.request import Ask, Body
from gateway.translation import fields

# WHY: each of these speaks of something that is kept elsewhere: nobody here could look at it
# before it is used, and nobody could say which machines may see it.
STATEFUL = {
    "previous_response_id": "earlier turns are kept nowhere here; send them all in input",
    "conversation": "conversations are kept nowhere here; send all turns in input",
    "prompt": "prompts are kept nowhere here; send the text itself",
    "webhook": "a reply goes to nobody but the caller",
    "webhooks": "a reply goes to nobody but the caller",
    "webhook_url": "a reply goes to nobody but the caller",
    "callback_url": "a reply goes to nobody but the caller",
}
# WHY: each of these reaches past the prompt into the engine.
REFUSED = (
    "cache_salt",
    "chat_template",
    "chat_template_kwargs",
    "ec_transfer_params",
    "kv_transfer_params",
    "logits_processors",
    "media_io_kwargs",
    "mm_processor_kwargs",
    "previous_input_messages",
    "prompt_embeds",
    "request_id",
    "vllm_xargs",
)
# WHY: it tells path, remote and machine of whoever asks, and no engine has a use for it.
IDENTIFYING = "client_metadata"


def peek(body: Body, passed: frozenset[str] = frozenset()) -> Ask:
    """Return what is asked for; Malformed for missing fields, wrong types and state elsewhere.

    A reference and a remote server of tools pass where they stand in `passed`.
    """
    model = fields.named(body, "model")
    for name, why in STATEFUL.items():
        if body.get(name) is not None:
            raise Malformed(f"{name} is not accepted: {why}.")
    if fields.flag(body, "background"):
        raise Malformed("background is not accepted: a reply is given at once or not at all.")
    fields.flag(body, "store")
    fields.text(body, "instructions")
    offered = fields.records(body, "tools")
    remote = tools.check(offered, "tools", passed)
    found, reaches = items.needs_of(items.items_of(body), passed)
    needs = set(found)
    staying, _ = tools.kept(offered)
    tools.choice_kept(body.get("tool_choice"), staying)
    if staying:
        needs.add("tools")
    return Ask(
        model=model,
        stream=bool(fields.flag(body, "stream")),
        needs=frozenset(needs),
        output_tokens_max=fields.positive(body, "max_output_tokens"),
        reaches=reaches | remote or UNSET,
    )


def rewrite(
    body: Body,
    offering: Offering,
    stream: bool,  # noqa: FBT001
    passed: frozenset[str] = frozenset(),
) -> Body:
    """Return the body to pass through: the engine's own model name, and nothing kept there.

    Keys keep their order. CannotExpress for a field in REFUSED.
    """
    for name in REFUSED:
        if body.get(name) is not None:
            raise CannotExpress(f"{name} is not accepted.")
    changed: dict[str, Any] = {"model": offering.wire_model, "store": False}
    if bool(body.get("stream")) != stream:
        changed["stream"] = stream
    shed = _shed(body, passed)
    whole = {**body, **changed, **shed.changed}
    return {name: value for name, value in whole.items() if name not in shed.gone}


def sheds(body: Body, passed: frozenset[str] = frozenset()) -> tuple[str, ...]:
    """Return the names of what `rewrite` takes out of that body."""
    return tuple(dict.fromkeys(_shed(body, passed).lost))


class _Shed(Struct, frozen=True):
    """What is different in the body that passes: fields that change, fields that go, and losses."""

    changed: dict[str, Any]
    gone: frozenset[str]
    lost: list[str]


def _shed(body: Body, passed: frozenset[str]) -> _Shed:
    changed: dict[str, Any] = {}
    gone: set[str] = set()
    lost: list[str] = []
    offered = body.get("tools") or []
    staying, lost_tools = tools.kept(offered, passed)
    if lost_tools:
        lost += lost_tools
        changed["tools"] = staying
        gone |= set() if staying else {"tools"}
    choice = body.get("tool_choice")
    left = tools.choice_kept(choice, staying)
    if left != choice:
        lost.append("tool_choice")
        changed["tool_choice"] = left
        gone |= set() if left is not None else {"tool_choice"}
    if isinstance(body.get("input"), list):
        cleaned, lost_inside = items.cleaned(body["input"], passed)
        changed |= {"input": cleaned} if lost_inside else {}
        lost += lost_inside
    if body.get(IDENTIFYING) is not None and IDENTIFYING not in passed:
        gone.add(IDENTIFYING)
        lost.append(IDENTIFYING)
    if body.get("store"):
        lost.append("store")
    return _Shed(changed, frozenset(gone), lost)
