"""The scripted engine that ships with the product, for demos and tests; never in earnest."""

from gateway.dialects.anthropic_messages import ANTHROPIC_MESSAGES
from gateway.dialects.ollama_chat import OLLAMA_CHAT
from gateway.dialects.openai_chat import OPENAI_CHAT
from gateway.transport.backend import Backend, Path
from gateway.transport.credentials import bearer

SCRIPTED = Backend(
    name="scripted",
    speaks={
        OPENAI_CHAT.name: Path("/v1/chat/completions"),
        ANTHROPIC_MESSAGES.name: Path("/v1/messages"),
        OLLAMA_CHAT.name: Path("/api/chat"),
    },
    dialects=(OPENAI_CHAT, ANTHROPIC_MESSAGES, OLLAMA_CHAT),
    credential=bearer.optional,
    probe_path="/health",
)
