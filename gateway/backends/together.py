"""Together, which runs open models (docs.together.ai, OpenAI compatibility)."""

from gateway.dialects.openai_chat import OPENAI_CHAT
from gateway.dialects.openai_completions import OPENAI_COMPLETIONS
from gateway.dialects.openai_embeddings import OPENAI_EMBEDDINGS
from gateway.translation.fim import only_native
from gateway.transport.backend import ABROAD, Backend, Way
from gateway.transport.credentials import bearer

TOGETHER = Backend(
    name="together",
    ways=(
        Way(dialect=OPENAI_CHAT, path="/v1/chat/completions"),
        Way(dialect=OPENAI_EMBEDDINGS, path="/v1/embeddings"),
        Way(dialect=OPENAI_COMPLETIONS, path="/v1/completions", quirks=(only_native,)),
    ),
    credential=bearer.required,
    probe_path="",
    residency=ABROAD,
    is_cloud=True,
)
