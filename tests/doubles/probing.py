"""What the tests of health say to the other side."""

from gateway.transport.health import Health
from tests.doubles.transport_parts import Alarms, HandClock

SCRIPTED_FIELD = b"x-perimeter-scripted: 1\r\n"


def a_health() -> tuple[Health, HandClock, Alarms]:
    clock, alarms = HandClock(), Alarms()
    return Health(clock, alarms), clock, alarms


def middle() -> float:
    return 0.5
