"""OpenAI's API, and hosts that are compatible with it, some of which ask for no key."""

from gateway.dialects.openai_chat import OPENAI_CHAT
from gateway.dialects.openai_responses import OPENAI_RESPONSES
from gateway.transport.backend import Backend, Path
from gateway.transport.credentials import bearer

OPENAI = Backend(
    name="openai",
    speaks={
        OPENAI_CHAT.name: Path("/v1/chat/completions"),
        OPENAI_RESPONSES.name: Path("/v1/responses"),
    },
    dialects=(OPENAI_CHAT, OPENAI_RESPONSES),
    credential=bearer.optional,
    probe_path="",
    is_cloud=True,
)
