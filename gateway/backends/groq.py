"""Groq, which runs open models (console.groq.com/docs/openai).

It answers 400 to `logprobs`, `top_logprobs` and `logit_bias`, and to more than one reply.
"""

from gateway.dialects.openai_chat import OPENAI_CHAT
from gateway.dialects.openai_responses import OPENAI_RESPONSES
from gateway.domain.errors import CannotExpress
from gateway.domain.fleet import Offering
from gateway.domain.request import Body
from gateway.transport.backend import ABROAD, Backend, Way
from gateway.transport.credentials import bearer

REFUSED = frozenset({"logit_bias", "logprobs", "top_logprobs"})


def one_reply(body: Body, _offering: Offering) -> Body:
    """A quirk: refuse to ask for several replies, since a client would wait for them all."""
    if body.get("n") not in (None, 1):
        raise CannotExpress("The engine that may see this request gives one reply, not n.")
    return body


GROQ = Backend(
    name="groq",
    ways=(
        Way(
            dialect=OPENAI_CHAT,
            path="/openai/v1/chat/completions",
            quirks=(one_reply,),
            takes=OPENAI_CHAT.may_leave - REFUSED,
        ),
        Way(dialect=OPENAI_RESPONSES, path="/openai/v1/responses"),
    ),
    credential=bearer.required,
    probe_path="",
    residency=ABROAD,
    is_cloud=True,
)
