"""What a person may do while a try is being written down: then nothing leaves after all."""

from gateway.flow.docket import Docket
from gateway.flow.house import House
from gateway.routing.plan import ZONE_CLOSED

UNGRANTED = "grant_over"


def stopped(house: House, docket: Docket, zone: str) -> str:
    """Return why nothing is to leave for that zone; empty where it may.

    WHY: to be durable takes a while, and in that while a zone may be closed, or what was granted
    be revoked.
    """
    now = house.worlds.now()
    if zone in now.fleet.closed:
        return ZONE_CLOSED
    return "" if now.grants_still(docket.grants, house.clock.now()) else UNGRANTED
