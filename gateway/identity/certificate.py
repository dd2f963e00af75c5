"""Whom a client certificate names, in the words of the key file: `uri:`, `dns:`, `email:`, `cn:`.

The certificate was verified by the listener against its client CA before it comes here.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from gateway.domain.errors import Malformed

SUBJECTS_MAX = 32
SUBJECT_CHARS_MAX = 512
SUBJECT_RULE = "a subject is uri:, dns:, email: or cn: and what the certificate says"
KINDS = {"URI": "uri", "DNS": "dns", "email": "email"}
_SUBJECT = re.compile(r"(?:uri|dns|email|cn):[^\x00-\x1f\x7f]+")
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
    """Return the subject that a listed proxy tells in a header; Malformed when it is not clear."""
    if not values:
        return ()
    text = values[0].decode("latin-1").strip(" \t")
    if len(values) > 1 or not text.isascii() or not text.isprintable():
        raise Malformed("The header of the client's certificate is not clear.")
    if not text:
        return ()
    subject = folded(f"{kind}:{text}")
    if not is_subject(subject):
        raise Malformed("The header of the client's certificate is not clear.")
    return (subject,)


def _subjects(certificate: Mapping[str, Any]) -> Iterator[str]:
    for kind, name in certificate.get("subjectAltName", ()):
        if kind in KINDS:
            yield folded(f"{KINDS[kind]}:{name}")
    for part in certificate.get("subject", ()):
        yield from (f"cn:{name}" for kind, name in part if kind == "commonName")
