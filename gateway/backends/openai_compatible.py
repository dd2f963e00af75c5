"""Any other host that speaks OpenAI's dialects, under a path that the settings say."""

import re

from gateway.dialects.openai_chat import OPENAI_CHAT
from gateway.dialects.openai_completions import OPENAI_COMPLETIONS
from gateway.dialects.openai_embeddings import OPENAI_EMBEDDINGS
from gateway.translation.fim import only_native
from gateway.transport.backend import ABROAD, Backend, Way
from gateway.transport.credentials import Settings, bearer
from gateway.transport.guard import Place

BASE_PATH = "base_path"
_PATH = re.compile(r"(?:/[A-Za-z0-9_~-][A-Za-z0-9._~-]*)+")


def faults(_place: Place, settings: Settings) -> tuple[tuple[str, str], ...]:
    """Return what is wrong with the settings."""
    found = [(f"settings/{name}", "unknown setting") for name in settings if name != BASE_PATH]
    base = settings.get(BASE_PATH, "/v1")
    if not isinstance(base, str) or not _PATH.fullmatch(base):
        found.append((f"settings/{BASE_PATH}", "must be a plain path such as /api/v1"))
    return tuple(found)


OPENAI_COMPATIBLE = Backend(
    name="openai_compatible",
    ways=(
        Way(dialect=OPENAI_CHAT, path="{base_path}/chat/completions"),
        Way(dialect=OPENAI_EMBEDDINGS, path="{base_path}/embeddings"),
        Way(
            dialect=OPENAI_COMPLETIONS,
            path="{base_path}/completions",
            quirks=(only_native,),
        ),
    ),
    credential=bearer.optional,
    defaults={BASE_PATH: "/v1"},
    faults=faults,
    probe_path="",
    residency=ABROAD,
    is_cloud=True,
)
