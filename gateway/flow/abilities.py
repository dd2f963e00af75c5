"""What the engine behind each offering does: it replies, counts, embeds or completes."""

from collections.abc import Mapping

from gateway.domain.fleet import Catalogue
from gateway.domain.request import Operation
from gateway.transport.backend import Backend


def operations(
    catalogue: Catalogue, backends: Mapping[str, Backend]
) -> dict[str, frozenset[Operation]]:
    """Return the operations by the id of the offering; `backends` are by name in the fleet file."""
    return {
        offering.id: backends[offering.backend].operations(offering.wire_model)
        for offering in catalogue.offerings
        if offering.backend in backends
    }
