"""The scripted engine that ships with the product, for demos and tests; never in earnest."""

from gateway.dialects.anthropic_messages import ANTHROPIC_COUNT, ANTHROPIC_MESSAGES
from gateway.dialects.ollama_chat import OLLAMA_CHAT
from gateway.dialects.ollama_embed import OLLAMA_EMBED
from gateway.dialects.ollama_generate import OLLAMA_GENERATE
from gateway.dialects.openai_chat import OPENAI_CHAT
from gateway.dialects.openai_completions import OPENAI_COMPLETIONS
from gateway.dialects.openai_embeddings import OPENAI_EMBEDDINGS
from gateway.dialects.openai_responses import OPENAI_INPUT_TOKENS
from gateway.transport.backend import Backend, Way
from gateway.transport.credentials import bearer

SCRIPTED = Backend(
    name="scripted",
    ways=(
        Way(dialect=OPENAI_CHAT, path="/v1/chat/completions"),
        Way(dialect=ANTHROPIC_MESSAGES, path="/v1/messages"),
        Way(dialect=ANTHROPIC_COUNT, path="/v1/messages/count_tokens"),
        Way(dialect=OLLAMA_CHAT, path="/api/chat"),
        Way(dialect=OPENAI_INPUT_TOKENS, path="/v1/responses/input_tokens"),
        Way(dialect=OPENAI_EMBEDDINGS, path="/v1/embeddings"),
        Way(dialect=OLLAMA_EMBED, path="/api/embed"),
        Way(dialect=OPENAI_COMPLETIONS, path="/v1/completions"),
        Way(dialect=OLLAMA_GENERATE, path="/api/generate"),
    ),
    credential=bearer.optional,
    probe_path="/health",
)
