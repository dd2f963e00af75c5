"""Ollama's native API. Its server may pass models on to another host: it is asked, and watched."""

from gateway.dialects.ollama_chat import OLLAMA_CHAT
from gateway.transport import ollama_check
from gateway.transport.backend import Backend, Way
from gateway.transport.credentials import none

OLLAMA = Backend(
    name="ollama",
    ways=(Way(dialect=OLLAMA_CHAT, path="/api/chat"),),
    credential=none.absent,
    refuses=ollama_check.refuses,
    probe_path="/api/version",
    breach=ollama_check.breach,
    inspect=ollama_check.inspect,
)
