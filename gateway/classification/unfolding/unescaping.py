"""What was decoded may spell letters by the codes of JSON, as a string of the body may."""

from collections.abc import Iterator

from gateway.classification.escapes import hides, opens_json, plain, spelled

_CODES = (b"\\u00", b"\\/")
_OPENING = (b"{", b"[", b'"')


def unescaped(said: bytes) -> Iterator[bytes]:
    """Yield what is read otherwise: of JSON all, of other texts what stands around the codes."""
    if said.lstrip()[:1] not in _OPENING and not any(code in said for code in _CODES):
        return
    text = said.decode("utf-8", "replace")
    if not hides(text, 0):
        return
    for start, end in [(0, len(text))] if opens_json(text, 0) else spelled(text):
        read = plain(text[start:end])
        if read != text[start:end]:
            yield read.encode("utf-8", "surrogatepass")
