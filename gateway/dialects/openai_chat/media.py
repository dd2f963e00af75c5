"""Parts of a message that are not text: only what lies in the body itself may pass."""

from typing import Any

from gateway.domain.errors import Malformed

DATA_URL = "data:"
# A part is known by its keys: an engine that finds no `type` looks at the keys too.
_NEEDS = {
    "image_url": "images",
    "audio_url": "audio",
    "input_audio": "audio",
    "video_url": "video",
    "file": "documents",
}
_REFERENCES = ("image_url", "audio_url", "video_url")
_REFUSED = frozenset({"image_embeds", "audio_embeds", "video_embeds", "prompt_embeds", "image_pil"})


def needs_of(content: object, path: str) -> frozenset[str]:
    """Return the capabilities for a list of parts; Malformed for what somebody would fetch."""
    if not isinstance(content, list):
        raise Malformed(f"{path} must be a string or a list of parts.")
    needs: set[str] = set()
    for at, part in enumerate(content):
        if not isinstance(part, dict):
            raise Malformed(f"{path}[{at}] must be an object.")
        _inspect(part, f"{path}[{at}]")
        needs.update(need for key, need in _NEEDS.items() if part.get(key) is not None)
    return frozenset(needs)


def url_of(reference: object) -> str | None:
    """Return the address in an `image_url`, which is an object or the address itself."""
    url = reference.get("url") if isinstance(reference, dict) else reference
    return url if isinstance(url, str) else None


def data_of(url: str) -> tuple[str, str] | None:
    """Return media type and base64 data of a data: URL, or None when it is not base64."""
    head, _, data = url.removeprefix(DATA_URL).partition(",")
    media_type, _, encoding = head.partition(";")
    return (media_type, data) if encoding.split(";")[-1] == "base64" and media_type else None


def _inspect(part: dict[str, Any], path: str) -> None:
    kind = part.get("type")
    if kind is not None and not isinstance(kind, str):
        raise Malformed(f"{path}.type must be a string.")
    if not _REFUSED.isdisjoint(part) or kind in _REFUSED:
        raise Malformed(f"{path}: embeddings are not accepted.")
    # WHY: an engine takes media from its cache by this id, whoever put it there.
    if part.get("uuid") is not None:
        raise Malformed(f"{path}.uuid is not accepted.")
    for key in _REFERENCES:
        reference = part.get(key)
        if reference is not None and not (url_of(reference) or "").startswith(DATA_URL):
            raise Malformed(f"{path}.{key} must be a data: URL; inline the file as base64.")
    file = part.get("file")
    if file is not None and (not isinstance(file, dict) or file.get("file_id") is not None):
        raise Malformed(f"{path}.file must carry file_data; inline the file as base64.")
