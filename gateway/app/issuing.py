"""The issuers of the node file, and the keys of each: fetched beside the requests."""

import asyncio
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Protocol

from msgspec import UNSET

from gateway.app.bindings import Bindable, binding_problems
from gateway.config.issuers import ClaimFrom, IssuerSettings, Jwks
from gateway.config.node import Node
from gateway.domain.caller import Allowance, Caller
from gateway.domain.errors import Problem
from gateway.flow.ports import Clock
from gateway.identity.issuers import ClaimSource, Issuer, Issuers
from gateway.identity.jwks import SET_BYTES_MAX, JwksError, read_jwks
from gateway.identity.token import Expected
from gateway.meters.logs import logger
from gateway.transport.delivery import Source
from gateway.transport.published import NotPublished, Published

# WHY: a flood of tokens with unknown keys must not become a flood of questions to the issuer.
FETCH_APART_S_MIN = 5.0
RETRY_S = 15.0


class IssuerMeters(Protocol):
    """What is counted of issuers."""

    def keys_fetched(self, issuer: str, *, well: bool) -> None:
        """Count a look at the keys of an issuer, which carries nothing of any request."""


def issuers_of(settings: dict[str, IssuerSettings]) -> Issuers:
    """Return the issuers, of none of which any key is known yet."""
    return Issuers(tuple(issuer_of(name, one) for name, one in settings.items()))


def issuer_of(name: str, one: IssuerSettings) -> Issuer:
    """Return one issuer of the node file."""
    return Issuer(
        name=name,
        expected=Expected(one.issuer, one.audience, one.algorithms),
        stale=timedelta(seconds=one.jwks.stale_s_max),
        subject=_source(one.subject_from) or ClaimSource("sub"),
        team=one.team or "",
        team_from=_source(one.team_from),
        label=one.label,
        label_from=_source(one.label_from),
        clearance=one.clearance,
        clearance_from=_source(one.clearance_from),
        repos=one.repos,
        repos_from=_source(one.repos_from),
        names=UNSET if one.tasks is None else frozenset(one.tasks),
        zones=UNSET if one.zones is None else frozenset(one.zones),
    )


def issuer_problems(node: Node, known: Bindable) -> Iterator[Problem]:
    """Yield what an issuer binds, by itself or by the words of its claims, and nothing defines."""
    for name, one in node.settings.issuers.items():
        caller = Caller(
            name,
            name,
            one.team or "",
            one.label,
            (*one.repos, *_words(one.repos_from)),
            floors=_words(one.label_from),
            allowance=Allowance(
                names=UNSET if one.tasks is None else frozenset(one.tasks),
                zones=UNSET if one.zones is None else frozenset(one.zones),
                clearances=(*filter(None, [one.clearance]), *_words(one.clearance_from)),
            ),
        )
        yield from binding_problems(node.document, f"/issuers/{name}", caller, known)


class IssuerKeys:
    """Keeps the keys of one issuer fresh: from time to time, and when somebody shows another."""

    def __init__(
        self, name: str, jwks: Jwks, issuers: Issuers, clock: Clock, meters: IssuerMeters
    ) -> None:
        self._name = name
        self._jwks = jwks
        self._issuers = issuers
        self._clock = clock
        self._meters = meters
        self._published = None if jwks.url is None else Published(_place(name, jwks, jwks.url))
        self.wanted = asyncio.Event()

    async def run(self) -> None:
        """Look at the keys again and again; never return.

        INVARIANT: two looks are FETCH_APART_S_MIN apart, whoever asks for them.
        """
        while True:
            well = await self.once()
            await asyncio.sleep(min(FETCH_APART_S_MIN, self._jwks.refresh_s))
            wait_s = self._jwks.refresh_s if well else min(RETRY_S, self._jwks.refresh_s)
            try:
                async with asyncio.timeout(wait_s):
                    await self.wanted.wait()
            except TimeoutError:
                pass
            self.wanted.clear()

    async def once(self) -> bool:
        """Look at the keys; the last good ones stay when there is nothing to be seen."""
        try:
            raw = await self._fetch()
            self._issuers.hold(self._name, read_jwks(raw), self._clock.now())
        except Exception as error:  # noqa: BLE001 - whatever came, the keys are looked for again
            told = isinstance(error, NotPublished | JwksError)
            why = str(error) if told else type(error).__name__
            logger().warning("issuer_keys_missing", origin=self._name, reason=why)
            self._meters.keys_fetched(self._name, well=False)
            return False
        self._meters.keys_fetched(self._name, well=True)
        return True

    async def _fetch(self) -> bytes:
        if self._published is not None:
            return await self._published.fetch()
        return await asyncio.to_thread(_file_bytes, self._jwks.file or Path())


def _place(name: str, jwks: Jwks, url: str) -> Source:
    return Source(
        name=name,
        url=url,
        addresses=jwks.addresses,
        ca_file=str(jwks.ca_file) if jwks.ca_file is not None else None,
        bytes_max=SET_BYTES_MAX,
    )


def _file_bytes(path: Path) -> bytes:
    with path.open("rb") as stream:
        return stream.read(SET_BYTES_MAX + 1)


def _source(told: ClaimFrom | None) -> ClaimSource | None:
    return None if told is None else ClaimSource(told.claim, told.words)


def _words(told: ClaimFrom | None) -> tuple[str, ...]:
    return () if told is None else tuple(dict.fromkeys(told.words.values()))
