"""Keeps one fetched credential fresh, off the event loop and ahead of time."""

import asyncio
from collections.abc import Callable
from concurrent.futures import Executor
from datetime import datetime, timedelta

from gateway.domain.route import FailureKind
from gateway.domain.secret import Secret
from gateway.transport.credentials import CredentialRefused, Lease, Source
from gateway.transport.failure import failed

FETCH_MS_MAX = 15_000
AHEAD_MAX = timedelta(minutes=10)
LEFT_MIN = timedelta(seconds=30)
AGAIN_S = 10.0
DOUBTED_MIN = timedelta(minutes=1)
SERVED = "credential_served"
REFUSED = "credential_refused"
Tell = Callable[[str, str], None]


class Keeper:
    """The credential of one backend.

    `now` is the clock; `tell(event, words)` hears when a source begins to serve or to refuse:
    its name, and the reason, never a secret. `threads` is where it is fetched.
    INVARIANT: a credential with less than LEFT_MIN to live is never given out, and one that could
    not be fetched is a failure of the attempt, before any byte has left.
    """

    def __init__(
        self, source: Source, now: Callable[[], datetime], tell: Tell, threads: Executor
    ) -> None:
        self._source = source
        self._threads = threads
        self._now = now
        self._tell = tell
        self._lease: Lease | None = None
        self._fetched_at = now()
        self._renew_at: datetime | None = None
        self._flight: asyncio.Task[Lease] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._refused = ""
        self._told = ""
        self._is_closed = False

    async def current(self) -> Secret:
        """Return the secret, without waiting while one is valid; TransportFailure if none is."""
        now, lease = self._now(), self._lease
        if lease is not None and lease.expires_at - now >= LEFT_MIN:
            if self._renew_at is not None and now >= self._renew_at:
                self._renew()
            return lease.secret
        if self._refused and self._renew_at is not None and now < self._renew_at:
            # WHY: what was refused just now will be so again; nobody waits to hear that.
            raise failed(FailureKind.UNREACHABLE, self._why(self._refused), sent=False)
        flight = self._renew()
        try:
            async with asyncio.timeout(FETCH_MS_MAX / 1_000):
                return (await asyncio.shield(flight)).secret
        except TimeoutError:
            self._refuse("no answer")
        except CredentialRefused as refused:
            self._refuse(str(refused))
        raise failed(FailureKind.UNREACHABLE, self._why(self._refused), sent=False)

    def doubt(self) -> None:
        """The engine did not believe the credential: fetch another, but not again and again."""
        if self._lease is not None and self._now() - self._fetched_at >= DOUBTED_MIN:
            self._renew()

    def close(self) -> None:
        """Renew no more."""
        self._is_closed = True
        if self._timer is not None:
            self._timer.cancel()

    def _renew(self) -> asyncio.Task[Lease]:
        """Return the one fetch that is under way; a stuck thread holds it, and no second begins."""
        if self._flight is None:
            self._flight = asyncio.create_task(self._fetch())
            self._flight.add_done_callback(self._landed)
        return self._flight

    async def _fetch(self) -> Lease:
        now = self._now()
        try:
            loop = asyncio.get_running_loop()
            lease = await loop.run_in_executor(self._threads, self._source.fetch, now)
        except CredentialRefused:
            raise
        except Exception as error:  # noqa: BLE001 - its words may quote what was answered
            raise CredentialRefused(type(error).__name__) from None
        if not lease.secret.reveal() or lease.expires_at - self._now() < LEFT_MIN:
            raise CredentialRefused("what was answered has expired")
        return lease

    def _landed(self, flight: asyncio.Task[Lease]) -> None:
        self._flight = None
        if flight.cancelled():
            return
        now, error = self._now(), flight.exception()
        self._fetched_at = now
        if error is None:
            self._lease, self._refused = flight.result(), ""
            life = self._lease.expires_at - now
            self._renew_at = self._lease.expires_at - min(AHEAD_MAX, life / 2)
            self._wake((self._renew_at - now).total_seconds())
            self._say(SERVED, self._source.name)
        else:
            self._refuse(str(error))
            self._wake(AGAIN_S)

    def _refuse(self, reason: str) -> None:
        self._refused = reason
        self._renew_at = self._now() + timedelta(seconds=AGAIN_S)
        self._say(REFUSED, self._why(reason))

    def _wake(self, delay_s: float) -> None:
        """Renew then, whether or not anybody asks."""
        if self._timer is not None:
            self._timer.cancel()
        if not self._is_closed:
            self._timer = asyncio.get_running_loop().call_later(delay_s, self._renew)

    def _say(self, event: str, words: str) -> None:
        if self._told != event:
            self._told = event
            self._tell(event, words)

    def _why(self, reason: str) -> str:
        return f"no credential from {self._source.name}: {reason}"
