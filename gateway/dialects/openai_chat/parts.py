"""One message's content as parts in no dialect, and back."""

from collections.abc import Iterable
from typing import Any

from gateway.dialects.openai_chat.losses import Losses
from gateway.dialects.openai_chat.media import kind_of, url_of
from gateway.domain.conversation import Media, Opaque, Part, Text
from gateway.domain.part_names import part_name
from gateway.translation import marks, media

NAME = "openai_chat"
_TEXT_KEYS = {
    "text": "text",
    "input_text": "text",
    "output_text": "text",
    "refusal": "refusal",
    "thinking": "thinking",
}
_PART_FIELDS = frozenset({"type", marks.FIELD})


def read_parts(content: object, lost: Losses) -> tuple[Text | Media | Opaque, ...]:
    """Return the parts of a content that is a string, a list of parts or null; empty text goes."""
    if isinstance(content, str):
        return (Text(content),) if content else ()
    if not isinstance(content, list):
        return ()
    parts = (_read_part(part, lost) for part in content)
    return tuple(part for part in parts if part is not None)


def write_parts(parts: Iterable[Part], lost: Losses) -> str | list[dict[str, Any]]:
    """Return the content: a string where one text is all, a list otherwise."""
    written = [piece for part in parts if (piece := _write_part(part, lost)) is not None]
    if not written:
        return ""
    if len(written) == 1 and written[0].get("type") == "text":
        return str(written[0]["text"])
    return written


def _read_part(part: dict[str, Any], lost: Losses) -> Text | Media | Opaque | None:
    kind = kind_of(part)
    if kind in _TEXT_KEYS:
        return _read_text(part, _TEXT_KEYS[kind], lost)
    if kind in {"image_url", "input_image"}:
        return _read_image(part, lost)
    if kind == "file":
        return _read_file(part, lost)
    return Opaque(NAME, part_name(kind), part)


def _read_text(part: dict[str, Any], key: str, lost: Losses) -> Text | None:
    lost.extras(part, _PART_FIELDS | {key})
    if key != "text":
        lost.note(f"{key}_part")
    text = part.get(key)
    return Text(text, marks.read(part, lost)) if isinstance(text, str) and text else None


def _read_image(part: dict[str, Any], lost: Losses) -> Media | Opaque:
    reference = part.get("image_url")
    inside = reference if isinstance(reference, dict) else {}
    if inside.get("detail", part.get("detail")) not in (None, "auto"):
        lost.note("image_detail")
    lost.extras(part, _PART_FIELDS | {"image_url", "detail"})
    lost.extras(inside, frozenset({"url", "detail"}), "image_url.")
    return _media(part, url_of(reference), "", lost) or Opaque(NAME, "image_url", part)


def _read_file(part: dict[str, Any], lost: Losses) -> Media | Opaque:
    file = part.get("file")
    inside = file if isinstance(file, dict) else {}
    lost.extras(part, _PART_FIELDS | {"file"})
    lost.extras(inside, frozenset({"file_data", "filename"}), "file.")
    name = inside.get("filename")
    known = name if isinstance(name, str) else ""
    return _media(part, inside.get("file_data"), known, lost) or Opaque(NAME, "file", part)


def _media(part: dict[str, Any], url: object, name: str, lost: Losses) -> Media | None:
    return media.media_of(url, name, marks.read(part, lost))


def _write_part(part: Part, lost: Losses) -> dict[str, Any] | None:
    if isinstance(part, Text):
        return {"type": "text", "text": part.text}
    if isinstance(part, Media):
        url = media.url_of(part)
        if media.is_image(part):
            return {"type": "image_url", "image_url": {"url": url}}
        return {"type": "file", "file": {"filename": media.filename(part), "file_data": url}}
    if isinstance(part, Opaque) and part.dialect == NAME and isinstance(part.raw, dict):
        return part.raw
    lost.note(part_name(part.kind) if isinstance(part, Opaque) else str(part.__struct_config__.tag))
    return None
