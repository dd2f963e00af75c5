"""What a request of Converse asks for, and the body that passes through."""

from gateway.dialects.bedrock_converse.admit import admit
from gateway.dialects.bedrock_converse.vocabulary import EXTRAS, EXTRAS_FIELD
from gateway.domain.field_kind import spelled
from gateway.domain.fleet import Offering
from gateway.domain.request import Ask, Body

_NEEDS = {
    "image": "images",
    "document": "documents",
    "toolUse": "tools",
    "toolResult": "tools",
}


def peek(body: Body, passed: frozenset[str] = frozenset()) -> Ask:
    """Return what is wanted; Malformed, or CannotExpress for what is not in `passed`."""
    admitted = admit(body, passed)
    request = admitted.request
    needs = {_NEEDS[kind] for kind in admitted.kinds if kind in _NEEDS}
    inference = request.inference_config
    return Ask(
        model="",
        stream=False,
        usage_wanted=True,
        needs=frozenset(needs | {"tools"} if request.tool_config else needs),
        output_tokens_max=inference.max_tokens if inference is not None else None,
        reaches=admitted.reaches,
    )


def rewrite(body: Body, _offering: Offering, _stream: bool) -> Body:  # noqa: FBT001
    """Return the body for Bedrock: every field in its place, and no model's field but EXTRAS.

    The model and the stream are for the path to say.
    """
    extras = body.get(EXTRAS_FIELD)
    if not extras or extras.keys() <= EXTRAS:
        return body
    kept = {name: value for name, value in extras.items() if name in EXTRAS}
    return {**body, EXTRAS_FIELD: kept}


def sheds(body: Body) -> tuple[str, ...]:
    """Return a loss where `rewrite` takes something out."""
    extras = body.get(EXTRAS_FIELD)
    return (spelled(EXTRAS_FIELD),) if extras and not extras.keys() <= EXTRAS else ()
