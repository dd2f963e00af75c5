"""Who sends a request: the holder of a key, somebody who signed it, or nobody by name."""

from datetime import datetime

from gateway.domain.caller import Caller
from gateway.identity.access_keys import AccessKeys, Unproven
from gateway.identity.anonymous import Anonymous
from gateway.identity.keys import KeyRing, refused
from gateway.identity.sent import SIGNED_QUERY, Sent
from gateway.identity.signature import is_signed


class Callers:
    """Everybody whom the gateway knows, in each way in which clients say who they are."""

    def __init__(
        self, keys: KeyRing, access: AccessKeys, anonymous: Anonymous | None = None
    ) -> None:
        self._keys = keys
        self._access = access
        self._anonymous = anonymous

    def meet(self, sent: Sent, now: datetime) -> Caller | Unproven:
        """Return the caller, or who it is once the body has come; Unauthenticated.

        INVARIANT: keys are read from headers alone. What stands in a URL lands in the logs of
        every proxy on the way, so a key there opens nothing.
        """
        if is_signed(sent):
            return self._access.meet(sent, now)
        if sent.asks_in_the_query(SIGNED_QUERY):
            raise refused()
        if self._anonymous is not None and self._anonymous.admits(sent):
            return self._anonymous.caller
        return self._keys.authenticate(sent.fields, now.date())


class CurrentCallers:
    """The callers of the key file as it is now; `take` lets others be known, whole."""

    def __init__(self, callers: Callers) -> None:
        self._callers = callers

    def take(self, callers: Callers) -> None:
        """Let these be known from now on, and nobody else."""
        self._callers = callers

    def meet(self, sent: Sent, now: datetime) -> Caller | Unproven:
        """Return who sends this, as `Callers.meet` does; Unauthenticated."""
        return self._callers.meet(sent, now)
