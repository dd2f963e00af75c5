"""Listens to a stream that passes through unchanged."""

from gateway.dialects.openai_completions.chunk import decode, name, stopped, tokens
from gateway.translation.openai_stream import ChunkTap, Noted


def tap(usage_wanted: bool) -> ChunkTap:  # noqa: FBT001
    """Return a Tap for completions."""
    return ChunkTap(_noted, usage_wanted=usage_wanted)


def _noted(data: bytes) -> Noted:
    chunk = decode(data)
    if chunk.broke:
        return Noted(broke=True)
    choices = chunk.choices or []
    stops = [stop.reason for choice in choices if (stop := stopped(choice)) is not None]
    return Noted(
        says=any(choice.said for choice in choices),
        needed=bool(choices) or chunk.usage is None,
        usage=tokens(chunk.usage),
        stop=stops[0] if stops else None,
        model=name(chunk.model),
    )
