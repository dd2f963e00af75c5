"""The written form of names, as a pattern for editors and for our own check."""

from msgspec import Meta

PATTERN = "pattern"


def form(pattern: str, example: str) -> Meta:
    """Return the metadata of text that matches the whole pattern; `example` is for people."""
    # WHY: Meta(pattern=...) of msgspec 0.22 crashes the interpreter in a union with a list
    # (its issue 717), so the pattern travels as schema text and is matched in `leaves`.
    return Meta(extra_json_schema={PATTERN: f"^{pattern}$"}, examples=[example])
