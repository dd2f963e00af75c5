"""Ollama's native API. Its server may pass models on to another host: it is asked, and watched."""

from gateway.dialects.ollama_chat import OLLAMA_CHAT
from gateway.dialects.ollama_embed import OLLAMA_EMBED
from gateway.dialects.ollama_generate import OLLAMA_GENERATE
from gateway.domain.fleet import Offering
from gateway.domain.request import Body
from gateway.translation.fim import left_to_the_engine
from gateway.transport import ollama_check
from gateway.transport.backend import Backend, Way
from gateway.transport.credentials import Settings, none


def breach(payload: bytes, _offering: Offering, _settings: Settings) -> str:
    """Return why this payload of a reply is proof that somebody else answered; else empty."""
    return "a reply came from a remote host" if ollama_check.breach(payload) else ""


def plain_texts(body: Body, _offering: Offering) -> Body:
    """A quirk: refuse control tokens in texts that the server puts into its template."""
    if body.get("suffix"):
        left_to_the_engine(body.get("prompt") or "", body["suffix"])
    return body


OLLAMA = Backend(
    name="ollama",
    ways=(
        Way(dialect=OLLAMA_CHAT, path="/api/chat"),
        Way(dialect=OLLAMA_EMBED, path="/api/embed"),
        Way(dialect=OLLAMA_GENERATE, path="/api/generate", quirks=(plain_texts,)),
    ),
    credential=none.absent,
    refuses=ollama_check.refuses,
    probe_path="/api/version",
    breach=breach,
    inspect=ollama_check.inspect,
)
