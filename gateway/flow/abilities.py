"""What the engine does with each offering: it replies, counts and completes, or it embeds."""

from collections.abc import Mapping

from gateway.domain.fleet import Catalogue
from gateway.domain.request import Operation
from gateway.transport.backend import Backend

EMBEDS = "embeddings"


def operations(
    catalogue: Catalogue, backends: Mapping[str, Backend]
) -> dict[str, frozenset[Operation]]:
    """Return the operations by the id of the offering; `backends` are by name in the fleet file.

    A model with the capability `embeddings` embeds and does nothing else; no other one embeds.
    """
    return {
        offering.id: frozenset(
            operation
            for operation in backends[offering.backend].operations(offering.wire_model)
            if (operation is Operation.EMBED) == (EMBEDS in offering.capabilities)
        )
        for offering in catalogue.offerings
        if offering.backend in backends
    }
