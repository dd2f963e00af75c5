"""Anthropic's API."""

from gateway.dialects.anthropic_messages import ANTHROPIC_MESSAGES
from gateway.transport.backend import Backend, Path
from gateway.transport.credentials import api_key

ANTHROPIC = Backend(
    name="anthropic",
    speaks={ANTHROPIC_MESSAGES.name: Path("/v1/messages")},
    dialects=(ANTHROPIC_MESSAGES,),
    credential=api_key.x_api_key,
    headers=(("anthropic-version", "2023-06-01"),),
    probe_path="",
    is_cloud=True,
)
