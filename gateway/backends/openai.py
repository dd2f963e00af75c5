"""OpenAI's API, and hosts that are compatible with it, some of which ask for no key."""

from gateway.dialects.openai_chat import OPENAI_HOSTED
from gateway.dialects.openai_completions import OPENAI_COMPLETIONS
from gateway.dialects.openai_embeddings import OPENAI_EMBEDDINGS
from gateway.dialects.openai_responses import OPENAI_INPUT_TOKENS, OPENAI_RESPONSES
from gateway.translation.fim import only_native
from gateway.transport.backend import ABROAD, Backend, Way
from gateway.transport.credentials import bearer

OPENAI = Backend(
    name="openai",
    ways=(
        Way(dialect=OPENAI_HOSTED, path="/v1/chat/completions"),
        Way(dialect=OPENAI_RESPONSES, path="/v1/responses"),
        Way(dialect=OPENAI_INPUT_TOKENS, path="/v1/responses/input_tokens"),
        Way(dialect=OPENAI_EMBEDDINGS, path="/v1/embeddings"),
        Way(dialect=OPENAI_COMPLETIONS, path="/v1/completions", quirks=(only_native,)),
    ),
    credential=bearer.optional,
    probe_path="",
    residency=ABROAD,
    is_cloud=True,
)
