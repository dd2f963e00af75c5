"""The parts of one item's content in no dialect, and back."""

from typing import Any

from gateway.dialects.openai_responses.losses import NAME, Losses
from gateway.domain.conversation import Media, Opaque, Part, Text
from gateway.domain.part_names import part_name
from gateway.translation import media

_TEXT_KEYS = {"input_text": "text", "output_text": "text", "text": "text", "refusal": "refusal"}


def read_parts(content: str | list[dict[str, Any]], lost: Losses) -> tuple[Text | Media, ...]:
    """Return the parts of a string or of a list of parts; empty text goes."""
    if isinstance(content, str):
        return (Text(content),) if content else ()
    parts = (_read_part(part, lost) for part in content)
    return tuple(part for part in parts if part is not None)


def write_part(part: Part, lost: Losses) -> dict[str, Any] | None:
    """Return the part of a message of the user; None for one that is lost by its name."""
    if isinstance(part, Text):
        return {"type": "input_text", "text": part.text}
    if isinstance(part, Media):
        url = media.url_of(part)
        if media.is_image(part):
            return {"type": "input_image", "image_url": url, "detail": "auto"}
        return {"type": "input_file", "filename": media.filename(part), "file_data": url}
    if isinstance(part, Opaque) and part.dialect == NAME and isinstance(part.raw, dict):
        return part.raw
    lost.note(part_name(part.kind) if isinstance(part, Opaque) else str(part.__struct_config__.tag))
    return None


def _read_part(part: dict[str, Any], lost: Losses) -> Text | Media | None:
    kind = str(part.get("type"))
    if kind in _TEXT_KEYS:
        return _read_text(part, _TEXT_KEYS[kind], lost)
    if kind == "input_image":
        lost.extras(part, frozenset({"type", "image_url", "detail"}))
        if part.get("detail") not in (None, "auto"):
            lost.note("detail")
        return _media(part.get("image_url"), kind, "", lost)
    if kind == "input_file":
        lost.extras(part, frozenset({"type", "file_data", "filename"}))
        name = part.get("filename")
        return _media(part.get("file_data"), kind, name if isinstance(name, str) else "", lost)
    lost.item(kind)
    return None


def _read_text(part: dict[str, Any], key: str, lost: Losses) -> Text | None:
    lost.extras(part, frozenset({"type", key}))
    if key != "text":
        lost.note("refusal_part")
    text = part.get(key)
    return Text(text) if isinstance(text, str) and text else None


def _media(url: object, kind: str, name: str, lost: Losses) -> Media | None:
    found = media.media_of(url, name)
    if found is None:
        lost.item(kind)
    return found
