"""How a conversation is said: one dialect, one module, and the table of them.

Rule 1: a dialect is a value of `domain.dialect.Dialect`, made of functions; none knows another.
Rule 2: bytes and values in, bytes and values out; no I/O, no clock, no chance.
Rule 3: what the target cannot say is a named loss; nothing is dropped silently.
Rule 4: a request's field of the wrong type is Malformed and named; its value is never repeated.
Rule 5: a dialect that is another one in a different frame is made of it by a function; what it is
made of is said here.
Rule 6: a reply that broke never ends with the dialect's own end mark.
"""

from gateway.dialects.anthropic_messages import ANTHROPIC_COUNT, ANTHROPIC_MESSAGES
from gateway.dialects.bedrock_converse import BEDROCK_CONVERSE
from gateway.dialects.bedrock_count import counted
from gateway.dialects.bedrock_invoke import invoked
from gateway.dialects.gemini import GEMINI, GEMINI_ARRAY, GEMINI_COUNT
from gateway.dialects.ollama_chat import OLLAMA_CHAT
from gateway.dialects.openai_chat import OPENAI_CHAT
from gateway.dialects.openai_responses import OPENAI_RESPONSES
from gateway.domain.dialect import Dialect
from gateway.domain.field_kind import LEAVES

BEDROCK_INVOKE = invoked(ANTHROPIC_MESSAGES, BEDROCK_CONVERSE)
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
        GEMINI,
        GEMINI_ARRAY,
        GEMINI_COUNT,
    )
}

# What a policy may let into a zone although it identifies, or makes a provider act.
PASSABLE: frozenset[str] = frozenset(
    name
    for dialect in DIALECTS.values()
    for name in (*dialect.reaching, *dialect.fields)
    if dialect.fields.get(name) not in LEAVES
)
