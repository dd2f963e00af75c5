"""The stewards of a starting gateway: what approvals have set so far, and what is in force."""

from gateway.app.bundles import SignedPolicy, signed_of
from gateway.app.configured import configured
from gateway.app.loading import Loaded
from gateway.app.node_secret import derived, node_secret, secret_place
from gateway.app.stewards import Clock, Stewards
from gateway.domain.errors import ConfigError
from gateway.flow.openings import Openings
from gateway.ledger.ledger import Ledger
from gateway.stores.standing import StandingFile

FILE = "standing"
PURPOSE = "standing"
CONFIGURED = "configured"


async def open_stewards(
    loaded: Loaded, ledger: Ledger, clock: Clock, openings: Openings
) -> tuple[Stewards, dict[str, str], SignedPolicy]:
    """Return what approvals have set so far, the digests of what is in force, and who signed it.

    ConfigError, with the ledger closed, when this policy may not be in force.
    """
    paths = loaded.node.settings.paths
    key = derived(node_secret(secret_place(paths)), PURPOSE)
    file = StandingFile(paths.subject_keys.with_name(FILE), ledger.origin, key)
    stewards = Stewards(ledger, file, clock, openings, lambda: loaded)
    await stewards.catch_up()
    try:
        signed = signed_of(loaded, stewards.standing, clock.now_us())
    except ConfigError:
        await ledger.close()
        raise
    await stewards.persons_loaded(loaded.persons)
    documents = loaded.documents.items()
    digests = {name: await ledger.store_document(value, name) for name, value in documents}
    await ledger.record(CONFIGURED, configured(loaded, digests))
    if (stewards.standing.policy, stewards.standing.serial) != (digests["policy"], signed.serial):
        await stewards.policy_loaded({**signed.facts, **digests})
    return stewards, digests, signed
