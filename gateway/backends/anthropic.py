"""Anthropic's API."""

from gateway.dialects.anthropic_messages import ANTHROPIC_COUNT, ANTHROPIC_MESSAGES
from gateway.transport.backend import Backend, Way
from gateway.transport.credentials import api_key

ANTHROPIC = Backend(
    name="anthropic",
    ways=(
        Way(dialect=ANTHROPIC_MESSAGES, path="/v1/messages"),
        Way(dialect=ANTHROPIC_COUNT, path="/v1/messages/count_tokens"),
    ),
    credential=api_key.x_api_key,
    headers=(("anthropic-version", "2023-06-01"),),
    probe_path="",
    is_cloud=True,
)
