"""Who sends a request: the holder of a key, somebody who signed it, or nobody by name."""

from datetime import datetime

from gateway.domain.caller import Caller
from gateway.identity.access_keys import AccessKeys, Unproven
from gateway.identity.anonymous import Anonymous
from gateway.identity.issuers import Issuers, presents_token
from gateway.identity.keys import HeldKeys, refused
from gateway.identity.sent import SIGNED_QUERY, Sent
from gateway.identity.signature import is_signed


class Callers:
    """Everybody whom the gateway knows, in each way in which clients say who they are."""

    def __init__(
        self,
        keys: HeldKeys,
        access: AccessKeys,
        anonymous: Anonymous | None = None,
        issuers: Issuers | None = None,
    ) -> None:
        self._keys = keys
        self._access = access
        self._anonymous = anonymous
        self._issuers = issuers

    def meet(self, sent: Sent, now: datetime) -> Caller | Unproven:
        """Return the caller, or who it is once the body has come; Unauthenticated.

        INVARIANT: keys are read from headers alone. What stands in a URL lands in the logs of
        every proxy on the way, so a key there opens nothing.
        """
        if is_signed(sent):
            return self._access.meet(sent, now)
        if sent.asks_in_the_query(SIGNED_QUERY):
            raise refused()
        if sent.subjects and sent.presents_nothing():
            certified = self._keys.now().certified(sent.subjects, now)
            if certified is not None:
                return certified
        if self._anonymous is not None and self._anonymous.admits(sent):
            return self._anonymous.caller
        if self._issuers is not None and presents_token(sent.fields):
            return self._issuers.meet(sent, now)
        return self._keys.now().authenticate(sent.fields, now, sent.subjects)
