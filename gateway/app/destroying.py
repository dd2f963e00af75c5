"""Erasing and retention of a running gateway, put together."""

from gateway.app.bodies import store_of
from gateway.app.erasing import Erasing, Memory
from gateway.app.retaining import Clock, Retention, terms_of
from gateway.app.stewards import Stewards
from gateway.ledger.ledger import Ledger
from gateway.ledger.lending import files_for
from gateway.ledger.paths import LedgerFolder
from gateway.ledger.shards import shards
from gateway.stores.conversations import Conversations


def erasing_of(
    stewards: Stewards, ledger: Ledger, conversations: Conversations, clock: Clock
) -> Erasing:
    """Return what erases and prunes, by the configuration and the holds that are in force."""
    bodies = store_of(stewards.current().node.settings)
    folder = LedgerFolder(stewards.current().node.settings.paths.ledger)
    retention = Retention(
        ledger, bodies, lambda: shards(folder), lambda: terms_of(stewards.current()), clock
    )
    told = stewards.current().node.settings.ledger
    retention.files = files_for(folder.root, told.readers)
    retention.standing = lambda: stewards.standing
    return Erasing(ledger, Memory(conversations, bodies), retention, stewards, clock)
