"""vLLM's own server, on our own GPUs: it speaks both OpenAI chat and Anthropic messages."""

from gateway.dialects.anthropic_messages import ANTHROPIC_MESSAGES
from gateway.dialects.openai_chat import OPENAI_CHAT
from gateway.transport.backend import Backend, Path
from gateway.transport.credentials import bearer

VLLM = Backend(
    name="vllm",
    speaks={
        OPENAI_CHAT.name: Path("/v1/chat/completions"),
        ANTHROPIC_MESSAGES.name: Path("/v1/messages"),
    },
    dialects=(OPENAI_CHAT, ANTHROPIC_MESSAGES),
    credential=bearer.optional,
    probe_path="/health",
)
