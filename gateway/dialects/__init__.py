"""How a conversation is said: one dialect, one module, and the table of them.

Rule 1: a dialect is a value of `domain.dialect.Dialect`, made of functions; none knows another.
Rule 2: bytes and values in, bytes and values out; no I/O, no clock, no chance.
Rule 3: what the target cannot say is a named loss; nothing is dropped silently.
Rule 4: a request's field of the wrong type is Malformed and named; its value is never repeated.
Rule 5: a dialect that is another one in a different frame is made of it by a function; what it is
made of is said here.
Rule 6: a reply that broke never ends with the dialect's own end mark.
"""

from gateway.dialects.anthropic_enclosed import invoked, number_of, predicted
from gateway.dialects.anthropic_messages import ANTHROPIC_COUNT, ANTHROPIC_MESSAGES
from gateway.dialects.bedrock_converse import BEDROCK_CONVERSE
from gateway.dialects.bedrock_count import counted
from gateway.dialects.gemini import GEMINI, GEMINI_ARRAY, GEMINI_COUNT
from gateway.dialects.ollama_chat import OLLAMA_CHAT
from gateway.dialects.ollama_embed import OLLAMA_EMBED
from gateway.dialects.ollama_generate import OLLAMA_GENERATE
from gateway.dialects.openai_chat import OPENAI_CHAT
from gateway.dialects.openai_completions import OPENAI_COMPLETIONS
from gateway.dialects.openai_embeddings import OPENAI_EMBEDDINGS
from gateway.dialects.openai_responses import OPENAI_INPUT_TOKENS, OPENAI_RESPONSES
from gateway.domain.dialect import Dialect
from gateway.domain.field_kind import LEAVES, spelled

BEDROCK_INVOKE = invoked(ANTHROPIC_MESSAGES, BEDROCK_CONVERSE)
ANTHROPIC_VERTEX = predicted(ANTHROPIC_MESSAGES)
ANTHROPIC_VERTEX_COUNT = number_of(ANTHROPIC_COUNT)
BEDROCK_COUNT = counted(BEDROCK_CONVERSE, BEDROCK_INVOKE)

DIALECTS: dict[str, Dialect] = {
    dialect.name: dialect
    for dialect in (
        OPENAI_CHAT,
        ANTHROPIC_MESSAGES,
        ANTHROPIC_COUNT,
        OLLAMA_CHAT,
        OPENAI_RESPONSES,
        BEDROCK_CONVERSE,
        BEDROCK_INVOKE,
        BEDROCK_COUNT,
        ANTHROPIC_VERTEX,
        ANTHROPIC_VERTEX_COUNT,
        OPENAI_EMBEDDINGS,
        OLLAMA_EMBED,
        OPENAI_COMPLETIONS,
        OLLAMA_GENERATE,
        OPENAI_INPUT_TOKENS,
        GEMINI,
        GEMINI_ARRAY,
        GEMINI_COUNT,
    )
}

# What a policy may let into a zone although it identifies, or makes a provider act.
PASSABLE: frozenset[str] = frozenset(
    spelled(name)
    for dialect in DIALECTS.values()
    for name in (*dialect.reaching, *dialect.fields)
    if dialect.fields.get(name) not in LEAVES
)
