"""One message's content as parts in no dialect, and back."""

from collections.abc import Iterable
from typing import Any

from gateway.dialects.openai_chat.losses import Losses
from gateway.dialects.openai_chat.media import DATA_URL, data_of, kind_of, url_of
from gateway.domain.conversation import Media, Opaque, Part, Text
from gateway.domain.part_names import part_name

NAME = "openai_chat"
_TEXT_KEYS = {
    "text": "text",
    "input_text": "text",
    "output_text": "text",
    "refusal": "refusal",
    "thinking": "thinking",
}
_IMAGE = "image/"


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
    lost.leftovers(part, frozenset({"type", key}))
    if key != "text":
        lost.add(f"{key}_part")
    text = part.get(key)
    return Text(text) if isinstance(text, str) and text else None


def _read_image(part: dict[str, Any], lost: Losses) -> Media | Opaque:
    reference = part.get("image_url")
    inside = reference if isinstance(reference, dict) else {}
    if inside.get("detail", part.get("detail")) not in {None, "auto"}:
        lost.add("image_detail")
    lost.leftovers(part, frozenset({"type", "image_url", "detail"}))
    lost.leftovers(inside, frozenset({"url", "detail"}), "image_url.")
    return _media(url_of(reference)) or Opaque(NAME, "image_url", part)


def _read_file(part: dict[str, Any], lost: Losses) -> Media | Opaque:
    file = part.get("file")
    inside = file if isinstance(file, dict) else {}
    lost.leftovers(part, frozenset({"type", "file"}))
    lost.leftovers(inside, frozenset({"file_data"}), "file.")
    return _media(inside.get("file_data")) or Opaque(NAME, "file", part)


def _media(url: object) -> Media | None:
    if not isinstance(url, str) or not url.startswith(DATA_URL):
        return None
    found = data_of(url)
    return Media(*found) if found is not None else None


def _write_part(part: Part, lost: Losses) -> dict[str, Any] | None:
    if isinstance(part, Text):
        return {"type": "text", "text": part.text}
    if isinstance(part, Media):
        url = f"{DATA_URL}{part.media_type};base64,{part.data}"
        if part.media_type.startswith(_IMAGE):
            return {"type": "image_url", "image_url": {"url": url}}
        filename = f"document.{part.media_type.rpartition('/')[2]}"
        return {"type": "file", "file": {"filename": filename, "file_data": url}}
    if isinstance(part, Opaque) and part.dialect == NAME and isinstance(part.raw, dict):
        return part.raw
    lost.add(part_name(part.kind) if isinstance(part, Opaque) else str(part.__struct_config__.tag))
    return None
