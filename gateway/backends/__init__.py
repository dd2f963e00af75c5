"""The engines that Perimeter can ask.

Rule 1: one file is one kind of engine, a record and nothing else; no file knows another.
Rule 2: the table is here, in full; nothing registers itself.
"""

from gateway.backends.anthropic import ANTHROPIC
from gateway.backends.bedrock import BEDROCK
from gateway.backends.deepseek import DEEPSEEK
from gateway.backends.groq import GROQ
from gateway.backends.mistral import MISTRAL
from gateway.backends.ollama import OLLAMA
from gateway.backends.openai import OPENAI
from gateway.backends.openai_compatible import OPENAI_COMPATIBLE
from gateway.backends.openrouter import OPENROUTER
from gateway.backends.perplexity import PERPLEXITY
from gateway.backends.scripted import SCRIPTED
from gateway.backends.together import TOGETHER
from gateway.backends.vertex import VERTEX
from gateway.backends.vllm import VLLM
from gateway.transport.backend import Backend

BACKENDS: dict[str, Backend] = {
    "vllm": VLLM,
    "ollama": OLLAMA,
    "openai": OPENAI,
    "anthropic": ANTHROPIC,
    "bedrock": BEDROCK,
    "vertex": VERTEX,
    "openrouter": OPENROUTER,
    "groq": GROQ,
    "mistral": MISTRAL,
    "perplexity": PERPLEXITY,
    "deepseek": DEEPSEEK,
    "together": TOGETHER,
    "openai_compatible": OPENAI_COMPATIBLE,
    "scripted": SCRIPTED,
}
