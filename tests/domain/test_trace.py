"""A traceparent is read as W3C writes it, or not at all."""

import pytest

from gateway.domain.trace import NO_TRACE, Trace, trace_of

TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"


@pytest.mark.parametrize(
    "told",
    [
        f"00-{TRACE}-{SPAN}-01",
        f"  00-{TRACE}-{SPAN}-00 ",
        f"cc-{TRACE}-{SPAN}-01",
        f"cc-{TRACE}-{SPAN}-01-what-comes-later",
    ],
)
def test_a_trace_that_is_well_formed_is_known(told: str) -> None:
    assert trace_of([told]) == Trace(TRACE, SPAN)


@pytest.mark.parametrize(
    "told",
    [
        "",
        TRACE,
        f"00-{TRACE}-{SPAN}",
        f"00-{TRACE}-{SPAN}-01-more",
        f"00-{TRACE}-{SPAN}-01-",
        f"ff-{TRACE}-{SPAN}-01",
        f"00-{TRACE.upper()}-{SPAN}-01",
        f"00-{'0' * 32}-{SPAN}-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f"00-{TRACE[:-1]}-{SPAN}-01",
        f"00-{TRACE}\n-{SPAN}-01",
        f"00-{'wilhelmina.q@example.com':_<32}-{SPAN}-01",
        f"cc-{TRACE}-{SPAN}-01-{'x' * 256}",
        f"00-{TRACE}-{SPAN}-0\N{ARABIC-INDIC DIGIT ONE}",
    ],
)
def test_whatever_else_stands_there_is_no_trace(told: str) -> None:
    assert trace_of([told]) == NO_TRACE


def test_a_trace_that_is_told_twice_or_never_is_none() -> None:
    told = f"00-{TRACE}-{SPAN}-01"
    assert trace_of([told, told]) == trace_of([]) == NO_TRACE
