"""OpenAI's API, and hosts that are compatible with it, some of which ask for no key."""

from gateway.dialects.openai_chat import OPENAI_HOSTED
from gateway.dialects.openai_responses import OPENAI_RESPONSES
from gateway.transport.backend import Backend, Way
from gateway.transport.credentials import bearer

OPENAI = Backend(
    name="openai",
    ways=(
        Way(dialect=OPENAI_HOSTED, path="/v1/chat/completions"),
        Way(dialect=OPENAI_RESPONSES, path="/v1/responses"),
    ),
    credential=bearer.optional,
    probe_path="",
    is_cloud=True,
)
