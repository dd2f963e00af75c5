"""Who holds a token of a listed issuer, and what its claims bind."""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

from msgspec import UNSET, Struct, UnsetType

from gateway.domain.caller import Allowance, Caller
from gateway.domain.errors import RequestError
from gateway.identity.jwks import IssuerKey
from gateway.identity.keys import presented, refused
from gateway.identity.sent import KEY_HEADERS, Sent
from gateway.identity.token import (
    TOKEN_CHARS_MAX,
    Expected,
    TokenError,
    Told,
    UnknownKidError,
    looks_like_token,
    proven,
    read_token,
)

VALUE_CHARS_MAX = 256
VALUES_MAX = 256
KNOWN_BY = "oidc"


class ClaimSource(Struct, frozen=True):
    """Which claim is read, and which word each of its values means; without words the value is one.

    A claim that begins with a slash is a path into nested claims, such as /realm_access/roles.
    """

    claim: str
    words: Mapping[str, str] = {}

    def values(self, claims: Mapping[str, Any]) -> tuple[str, ...]:
        """Return the words that a token tells; TokenError when it tells none."""
        value: Any = claims
        steps = self.claim[1:].split("/") if self.claim.startswith("/") else [self.claim]
        for step in steps:
            value = value.get(step) if isinstance(value, Mapping) else None
        told = [value] if isinstance(value, str) else value
        if not isinstance(told, list) or len(told) > VALUES_MAX:
            raise TokenError("a claim is missing")
        if not all(isinstance(one, str) and 0 < len(one) <= VALUE_CHARS_MAX for one in told):
            raise TokenError("a claim is no text")
        found = [self.words[one] for one in told if one in self.words] if self.words else told
        if not found or not all(one.isprintable() for one in found):
            raise TokenError("a claim says nothing that is known")
        return tuple(dict.fromkeys(found))


class Issuer(Struct, frozen=True, kw_only=True):
    """One issuer of the node file: whose tokens are believed, and what their claims bind.

    Each of team, labels, clearances and repos is fixed for all its tokens, told by a claim, or
    both; a claim that is named must be there, or the token is nobody's.
    """

    name: str
    expected: Expected
    stale: timedelta
    subject: ClaimSource = ClaimSource("sub")
    team: str = ""
    team_from: ClaimSource | None = None
    label: str | None = None
    label_from: ClaimSource | None = None
    clearance: str | None = None
    clearance_from: ClaimSource | None = None
    repos: tuple[str, ...] = ()
    repos_from: ClaimSource | None = None
    names: frozenset[str] | UnsetType = UNSET
    zones: frozenset[str] | UnsetType = UNSET

    @property
    def key_id(self) -> str:
        """What stands in the record where else the id of a key does."""
        return f"{KNOWN_BY}:{self.name}"

    def caller(self, claims: Mapping[str, Any]) -> Caller:
        """Return whom proven claims name; TokenError when they leave out what they must say."""
        cleared = _told(self.clearance, self.clearance_from, claims)
        return Caller(
            self.key_id,
            _one(self.subject, claims),
            _one(self.team_from, claims) if self.team_from else self.team,
            self.label,
            (*self.repos, *(self.repos_from.values(claims) if self.repos_from else ())),
            floors=self.label_from.values(claims) if self.label_from else (),
            allowance=Allowance(self.names, self.zones, cleared or UNSET),
            known_by=KNOWN_BY,
        )


class _Held(Struct, frozen=True):
    keys: tuple[IssuerKey, ...]
    at: datetime


class Issuers:
    """Everybody whose tokens are believed, with the keys that are known of each at this moment."""

    def __init__(
        self,
        issuers: tuple[Issuer, ...],
        wanted: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._by_name = {one.expected.issuer: one for one in issuers}
        self._held: dict[str, _Held] = {}
        self.wanted = wanted

    def hold(self, name: str, keys: tuple[IssuerKey, ...], now: datetime) -> None:
        """Believe these keys of an issuer from now on."""
        self._held[name] = _Held(keys, now)

    def meet(self, sent: Sent, now: datetime) -> Caller:
        """Return the holder of the token; Unauthenticated, always in the same words.

        INVARIANT: nothing is fetched here. A key that nobody knows asks for the keys to be fetched
        again, in its own time, and is refused until they are there.
        """
        try:
            return self._known(read_token(presented(sent.fields, TOKEN_CHARS_MAX)), now)
        except (TokenError, RequestError):
            raise refused() from None

    def _known(self, told: Told, now: datetime) -> Caller:
        issuer = self._by_name.get(told.issuer)
        if issuer is None:
            raise TokenError("no such issuer")
        held = self._held.get(issuer.name)
        if held is None or now - held.at > issuer.stale:
            self.wanted(issuer.name)
            raise TokenError("its keys are not known, or too old")
        try:
            claims = proven(told, held.keys, issuer.expected, now)
        except UnknownKidError:
            self.wanted(issuer.name)
            raise
        return issuer.caller(claims)


def presents_token(fields: Mapping[str, str]) -> bool:
    """Is the credential of these headers a token, and no key of ours?"""
    bearer = fields.get("authorization", "").strip(" \t").rpartition(" ")[2]
    others = [fields.get(name, "").strip(" \t") for name in KEY_HEADERS[1:]]
    return any(map(looks_like_token, (bearer, *others)))


def _told(
    fixed: str | None, source: ClaimSource | None, claims: Mapping[str, Any]
) -> tuple[str, ...]:
    """Return what a claim says, or what is fixed where no claim is named."""
    if source is not None:
        return source.values(claims)
    return () if fixed is None else (fixed,)


def _one(source: ClaimSource, claims: Mapping[str, Any]) -> str:
    values = source.values(claims)
    if len(values) != 1:
        raise TokenError("a claim says more than one thing")
    return values[0]
