"""Words of a message that would make somebody fetch what does not lie in the body."""

from typing import Any

from gateway.domain.errors import Malformed

DATA_URL = "data:"
# WHY: a vendor names its references as it likes; they all end like this.
_ADDRESSES = ("url", "urls", "uri", "uris")
_KEPT_ELSEWHERE = ("file_id", "file_ids", "fileid", "input_file", "uuid")
# WHY: where an answer of the model cites, or calls a tool, an address is a word like any other.
_WORDS = frozenset({"annotations", "arguments"})


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
