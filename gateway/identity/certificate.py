"""Whom a client certificate names, in the words of the key file: `uri:`, `dns:`, `email:`, `cn:`.

The certificate was verified by the listener against its client CA before it comes here.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from gateway.domain.errors import Malformed

SUBJECTS_MAX = 32
SUBJECT_CHARS_MAX = 512
HEADER_CHARS_MAX = 16 * 1024
XFCC = "xfcc"
EMPTY = '""'
UNCLEAR = "The header of the client's certificate is not clear."
SUBJECT_RULE = "a subject is uri:, dns:, email: or cn: and what the certificate says"
KINDS = {"URI": "uri", "DNS": "dns", "email": "email"}
_SUBJECT = re.compile(r"(?:uri|dns|email|cn):[^\x00-\x1f\x7f]+")
_QUOTED = re.compile(r'"(?:[^"\\]|\\.)*"')
_FOLDED = frozenset({"dns", "email"})


def is_subject(text: str) -> bool:
    """Is it written as the key file writes a subject?"""
    return len(text) <= SUBJECT_CHARS_MAX and bool(_SUBJECT.fullmatch(text))


def folded(subject: str) -> str:
    """Return the subject as it is compared: names of hosts and mailboxes without their case."""
    kind, _, name = subject.partition(":")
    return f"{kind}:{name.lower()}" if kind in _FOLDED else subject


def subjects_of(certificate: Mapping[str, Any] | None) -> tuple[str, ...]:
    """Return every subject of a certificate as `ssl` tells it; none of one that says too much."""
    found = tuple(dict.fromkeys(_subjects(certificate or {})))
    return found if len(found) <= SUBJECTS_MAX and all(map(is_subject, found)) else ()


def told_subject(values: list[bytes], kind: str) -> tuple[str, ...]:
    """Return the subjects that a listed proxy tells in a header; Malformed when not clear.

    `kind` is what of the certificate the header holds, or `xfcc` for Envoy's form of several.
    """
    if not values:
        return ()
    text = values[0].decode("latin-1").strip(" \t")
    clear = len(values) == 1 and text.isascii() and text.isprintable()
    if not clear or len(text) > HEADER_CHARS_MAX:
        raise Malformed(UNCLEAR)
    if not text:
        return ()
    told = _envoys(text) if kind == XFCC else (f"{kind}:{text}",)
    found = tuple(dict.fromkeys(map(folded, told)))
    if len(found) > SUBJECTS_MAX or not all(map(is_subject, found)):
        raise Malformed(UNCLEAR)
    return found


def _envoys(text: str) -> tuple[str, ...]:
    """Return the subjects of Envoy's `x-forwarded-client-cert` that holds one certificate.

    WHY: of several the first may be what a client wrote; a proxy that sets the header and does not
    append to it tells one.
    """
    # WHY: what stands in quotes neither ends a pair nor a certificate, and none of it is read.
    text = _QUOTED.sub(EMPTY, text)
    if "," in text or '"' in text.replace(EMPTY, ""):
        raise Malformed(UNCLEAR)
    pairs = [pair.partition("=") for pair in text.split(";")]
    kinds = {name.lower(): kind for name, kind in KINDS.items()}
    return tuple(
        f"{kinds[name.strip().lower()]}:{value.strip()}"
        for name, _, value in pairs
        if name.strip().lower() in kinds and value.strip() not in {"", EMPTY}
    )


def _subjects(certificate: Mapping[str, Any]) -> Iterator[str]:
    for kind, name in certificate.get("subjectAltName", ()):
        if kind in KINDS:
            yield folded(f"{KINDS[kind]}:{name}")
    for part in certificate.get("subject", ()):
        yield from (f"cn:{name}" for kind, name in part if kind == "commonName")
