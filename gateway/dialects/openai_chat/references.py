"""Words of a message that would make somebody fetch what does not lie in the body."""

from typing import Any

from gateway.domain.errors import Malformed

DATA_URL = "data:"
# WHY: a vendor names its references as it likes; they all end like this.
_ADDRESSES = ("url", "urls", "uri", "uris")
_KEPT_ELSEWHERE = ("file_id", "file_ids", "fileid", "input_file", "uuid")
# WHY: where an answer of the model cites, or calls a tool, an address is a word like any other.
_WORDS = frozenset({"annotations", "arguments"})
FETCHED, KEPT = "remote_url", "file_id"
REACHING = frozenset({FETCHED, KEPT})
_WEB = ("https://", "http://", "gs://")


def reached(part: dict[str, Any], passed: frozenset[str]) -> tuple[dict[str, Any], frozenset[str]]:
    """Return the part without the one reference that passes in it, and the name of that one.

    Only where the vendor documents a reference does it pass: the address of a picture, and a file
    that it keeps.
    """
    address, file = url_of(part.get("image_url")), part.get("file")
    if FETCHED in passed and address is not None and address.startswith(_WEB):
        inside = part["image_url"]
        kept = {**inside, "url": DATA_URL} if isinstance(inside, dict) else DATA_URL
        return {**part, "image_url": kept}, frozenset({FETCHED})
    if KEPT in passed and isinstance(file, dict) and isinstance(file.get(KEPT), str):
        kept = {name: value for name, value in file.items() if name != KEPT}
        return {**part, "file": {"file_data": DATA_URL, **kept}}, frozenset({KEPT})
    return part, frozenset()


def refuse_references(value: object, path: str) -> None:
    """Raise Malformed for an address that is no data: URL and for the name of a stored file.

    `path` is a word of ours; no key or value of the client is repeated but a documented key.
    """
    todo: list[Any] = [value]
    while todo:
        found = todo.pop()
        if isinstance(found, list):
            todo += found
        elif isinstance(found, dict):
            for key, inner in found.items():
                if inner is not None and key not in _WORDS:
                    _refuse(key, inner, path)
                    todo.append(inner)


def url_of(reference: object) -> str | None:
    """Return the address in an `image_url`, which is an object or the address itself."""
    url = reference.get("url") if isinstance(reference, dict) else reference
    return url if isinstance(url, str) else None


def _refuse(key: str, value: object, path: str) -> None:
    lowered = key.lower()
    if lowered.endswith(_KEPT_ELSEWHERE):
        raise Malformed(f"{path}: a file or media kept elsewhere is not accepted; inline it.")
    if lowered.endswith(_ADDRESSES) and not (url_of(value) or "").startswith(DATA_URL):
        raise Malformed(f"{path}: an address must be a data: URL; inline the file as base64.")
