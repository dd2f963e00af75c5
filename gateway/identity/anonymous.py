"""A caller without a name, for clients that cannot send a key; only where the node file says so."""

from collections.abc import Sequence

from msgspec import Struct

from gateway.domain.caller import Caller
from gateway.identity.network import Network, client_address, is_listed
from gateway.identity.sent import Sent

KEY_ID = "anonymous"
FORWARDING = frozenset({"forwarded", "via", "x-forwarded-for", "x-real-ip"})
BROWSER = "origin"


class Anonymous(Struct, frozen=True):
    """Who a request without any credential is, and from where it may come."""

    caller: Caller
    networks: tuple[Network, ...]
    trusted: Sequence[Network] = ()

    def admits(self, sent: Sent) -> bool:
        """Is it a request without a credential, from an address that may do without?

        Unknown is not allowed: neither what a listed proxy sends for an address that it does not
        tell, nor what a proxy hands on that nobody listed, nor a page in somebody's browser.
        """
        if not sent.presents_nothing() or BROWSER in sent.fields:
            return False
        if is_listed(sent.address, self.trusted):
            return False
        told = any(name in sent.fields for name in FORWARDING)
        if told and sent.address == client_address(sent.peer, None, ()):
            return False
        return is_listed(sent.address, self.networks)
