"""Parts of a message: only what lies in the body itself may pass."""

from typing import Any

from gateway.dialects.openai_chat.references import DATA_URL, reached, refuse_references, url_of
from gateway.domain.errors import Malformed

__all__ = ["DATA_URL", "kind_of", "needs_of", "url_of"]

# Every part that may pass, and the field that holds what it says.
_HOLDERS = {
    "text": "text",
    "input_text": "text",
    "output_text": "text",
    "thinking": "thinking",
    "refusal": "refusal",
    "image_url": "image_url",
    "input_image": "image_url",
    "audio_url": "audio_url",
    "video_url": "video_url",
    "input_audio": "input_audio",
    "file": "file",
}
# A part is known by its keys: an engine that finds no `type` looks at the keys too.
_NEEDS = {
    "image_url": "images",
    "audio_url": "audio",
    "input_audio": "audio",
    "video_url": "video",
    "file": "documents",
}
_REFUSED = frozenset({"image_embeds", "audio_embeds", "video_embeds", "prompt_embeds", "image_pil"})


def needs_of(
    content: object, path: str, passed: frozenset[str] = frozenset()
) -> tuple[frozenset[str], frozenset[str]]:
    """Return the capabilities for a list of parts, and the names of references that pass.

    Malformed for a part of an unknown kind, and for what somebody would fetch.
    """
    if not isinstance(content, list):
        raise Malformed(f"{path} must be a string or a list of parts.")
    needs: set[str] = set()
    reaches: set[str] = set()
    for at, given in enumerate(content):
        if not isinstance(given, dict):
            raise Malformed(f"{path}[{at}] must be an object.")
        part, found = reached(given, passed)
        reaches |= found
        _inspect(part, f"{path}[{at}]")
        refuse_references(part, f"{path}[{at}]")
        needs.update(need for key, need in _NEEDS.items() if part.get(key) is not None)
    return frozenset(needs), frozenset(reaches)


def kind_of(part: dict[str, Any]) -> str:
    """Return the type of a part; without one it is what its first known key says."""
    kind = part.get("type")
    if isinstance(kind, str):
        return kind
    return next((key for key in _HOLDERS.values() if key in part), "")


def _inspect(part: dict[str, Any], path: str) -> None:
    kind = part.get("type")
    if kind is not None and not isinstance(kind, str):
        raise Malformed(f"{path}.type must be a string.")
    if not _REFUSED.isdisjoint(part) or kind in _REFUSED:
        raise Malformed(f"{path}: embeddings are not accepted.")
    # WHY: a part of a kind that nobody here knows may be an order to fetch or to run something.
    if kind_of(part) not in _HOLDERS:
        raise Malformed(f"{path}.type must be one of {', '.join(_HOLDERS)}.")
    _inspect_file(part.get("file"), f"{path}.file")


def _inspect_file(file: object, path: str) -> None:
    if file is None:
        return
    data = file.get("file_data") if isinstance(file, dict) else None
    if not isinstance(data, str) or not data.startswith(DATA_URL):
        raise Malformed(f"{path} must carry file_data as a data: URL; inline the file as base64.")
