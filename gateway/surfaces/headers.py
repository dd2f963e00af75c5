"""What request headers may say, each with its bound."""

import re
from collections.abc import Iterable, Mapping

import msgspec
from msgspec.structs import replace

from gateway.domain.caller import Caller
from gateway.domain.errors import Malformed, NotAllowed, UnsupportedMedia
from gateway.domain.request import Claims
from gateway.domain.trace import Trace, trace_of
from gateway.identity.keys import May
from gateway.identity.sent import KEY_HEADERS

LABEL_HEADER = "x-perimeter-label"
REPO_HEADER = "x-perimeter-repo"
TRACE_HEADER = b"traceparent"
ON_BEHALF_OF_HEADER = "x-perimeter-on-behalf-of"
PERSON_CHARS_MAX = 256
SESSION_HEADERS = ("x-claude-code-session-id", "session-id", "x-session-id")
CLAIM_TEXT_MAX = 512
TOLD = ("anthropic-version", "anthropic-beta")
TOLD_CHARS_MAX = 4_096
_TOLD = re.compile(r"[A-Za-z0-9._, -]*")
METADATA_MAX = 16
METADATA_KEY_BYTES_MAX = 128
METADATA_VALUE_BYTES_MAX = 512
ESCAPED_BYTES_MAX = 6

Headers = Iterable[tuple[bytes, bytes]]


def as_mapping(headers: Headers) -> dict[str, str]:
    """Return header fields by lower-case name; a repeated credential is refused as ambiguous."""
    fields: dict[str, str] = {}
    for raw_name, raw_value in headers:
        name = raw_name.decode("latin-1").lower()
        if name in fields and name in KEY_HEADERS:
            raise Malformed(f"The header {name} is given twice.")
        fields[name] = raw_value.decode("latin-1")
    return fields


def claims_of(headers: Headers) -> Claims:
    """Return what the client claims of its request; Malformed when a claim is not clear."""
    fields = list(headers)
    session = next((text for name in SESSION_HEADERS if (text := _session(fields, name))), None)
    return Claims(label=_one(fields, LABEL_HEADER), repo=_one(fields, REPO_HEADER), session=session)


def acting(caller: Caller, headers: Headers) -> Caller:
    """Return the caller with the person for whom he says that he acts; NotAllowed, Malformed.

    INVARIANT: nobody's header is believed unless his key says so; it is refused, not passed over.
    """
    person = _one(list(headers), ON_BEHALF_OF_HEADER)
    if person is None:
        return caller
    if May.ON_BEHALF_OF not in caller.may:
        raise NotAllowed("Your key may not act on behalf of somebody else.")
    if not person.strip() or len(person) > PERSON_CHARS_MAX or not person.isprintable():
        raise Malformed(f"The header {ON_BEHALF_OF_HEADER} must name one person.")
    return replace(caller, on_behalf_of=person.strip())


def told_of(headers: Headers) -> dict[str, str]:
    """Return the headers that mean something to an engine, repeated ones as one list; Malformed.

    INVARIANT: this is the list of what a client may tell by a header; no other one goes further.
    """
    told: dict[str, str] = {}
    for raw_name, raw_value in headers:
        name, value = raw_name.decode("latin-1").lower(), raw_value.decode("latin-1").strip()
        if name in TOLD:
            told[name] = f"{told[name]}, {value}" if name in told else value
    if any(len(value) > TOLD_CHARS_MAX or not _TOLD.fullmatch(value) for value in told.values()):
        raise Malformed(f"The headers {', '.join(TOLD)} are lists of plain words.")
    return told


def traced(headers: Headers) -> Trace:
    """Return the trace that the request says it belongs to; one that is not clear is none."""
    return trace_of([v.decode("latin-1") for n, v in headers if n.lower() == TRACE_HEADER])


def with_metadata(claims: Claims, body: Mapping[str, object]) -> Claims:
    """Return the claims with the client's own metadata from the body, bounded."""
    metadata = body.get("metadata", body.get("requestMetadata"))
    if not isinstance(metadata, dict):
        return claims
    kept = list(metadata.items())[:METADATA_MAX]
    told = {
        _cut(str(key), METADATA_KEY_BYTES_MAX): _cut(str(value), METADATA_VALUE_BYTES_MAX)
        for key, value in kept
    }
    return replace(claims, metadata=told)


def require_json(headers: Headers, *, untyped: bool = False) -> None:
    """Raise UnsupportedMedia unless the body is said, once, to be plain JSON in UTF-8.

    With `untyped` nothing need be said of it, except by a web page.
    """
    told = [(name.lower(), value.decode("latin-1").strip().lower()) for name, value in headers]
    types = [value for name, value in told if name == b"content-type"]
    # WHY: a page of any site may send a body without a type, but not without its origin.
    if untyped and not types and not any(name == b"origin" for name, _ in told):
        types = ["application/json"]
    media, _, rest = (types[0] if len(types) == 1 else "").partition(";")
    charset = rest.strip().removeprefix("charset=").strip('"')
    if media.strip() != "application/json" or charset not in {"", "utf-8", "utf8"}:
        raise UnsupportedMedia("Send the body as application/json in UTF-8.")
    if any(name == b"content-encoding" and value != "identity" for name, value in told):
        raise UnsupportedMedia("Send the body without a content encoding.")


def _cut(text: str, bytes_max: int) -> str:
    """Return as much of the text as takes that many bytes in a record, escapes included."""
    cut = text[:bytes_max].encode()[:bytes_max].decode(errors="ignore")
    fits = len(msgspec.json.encode(cut)) <= bytes_max + len('""')
    return cut if fits else cut[: bytes_max // ESCAPED_BYTES_MAX]


def _session(headers: list[tuple[bytes, bytes]], name: str) -> str | None:
    """Return the one value of a header of exactly that name.

    WHY: older clients spell it with underscores, and it decides nothing; so it is not heard then.
    """
    exact = [(told, value) for told, value in headers if told.lower() == name.encode()]
    return _one(exact, name)


def _one(headers: list[tuple[bytes, bytes]], name: str) -> str | None:
    """Return the one value of a header; spelled with underscores or repeated it is Malformed."""
    wanted = name.encode()
    found = [v for n, v in headers if n.lower().replace(b"_", b"-") == wanted]
    exact = [v for n, v in headers if n.lower() == wanted]
    if not found:
        return None
    if len(found) > 1 or not exact or len(found[0]) > CLAIM_TEXT_MAX or not found[0].isascii():
        raise Malformed(f"The header {name} must be given once, in ASCII, and as documented.")
    return found[0].decode("ascii")
