"""Perplexity's Sonar, which searches the web for an answer (docs.perplexity.ai).

WHY: what it searches for comes from the prompt and goes wherever the search goes: its zone is the
world.
"""

from gateway.dialects.openai_chat import OPENAI_CHAT
from gateway.transport.backend import ABROAD, Backend, Way
from gateway.transport.credentials import bearer

PERPLEXITY = Backend(
    name="perplexity",
    ways=(Way(dialect=OPENAI_CHAT, path="/chat/completions"),),
    credential=bearer.required,
    anywhere=lambda _offering, _settings: True,
    probe_path="",
    residency=ABROAD,
    is_cloud=True,
)
