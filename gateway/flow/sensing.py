"""What is known of a request and made of it, before anything is recorded or sent."""

from gateway.domain.request import Envelope
from gateway.flow.house import House
from gateway.flow.ports import World
from gateway.flow.redacting import Judged, Redactor, without_provider_tools
from gateway.flow.remembering import Remembering, remember
from gateway.flow.ruling import asked, gather, rule, spared


async def judged(house: House, envelope: Envelope, world: World) -> tuple[Judged, Remembering]:
    """Return the ruling and the memory of the conversation; nothing is counted as used.

    GatewayError when the request cannot be judged.
    """
    dialect = house.dialects[envelope.dialect]
    ask = asked(envelope, dialect.letting(world.program.passable))
    scan = await house.scanner.scan(envelope.body)
    scan = spared(scan, envelope, world, house.clock.now())
    for detector in scan.failed:
        house.meters.detector_failure(detector)
    memory = await remember(envelope, house.conversations)
    evidence = gather(envelope, ask, scan, world, memory.recollection)
    now = house.clock.now()
    redactor = Redactor(house.scanner, house.dialects, house.names)
    found = await redactor.final(envelope, rule(evidence, world, now), world, now)
    return without_provider_tools(found, dialect, world, now), memory
