"""Faults that random worlds found, told small."""

from collections.abc import Coroutine
from typing import Any

from gateway.domain.route import Failure, FailureKind, OutcomeKind
from tests.doubles import engine_bytes
from tests.doubles.fleets import a_fleet
from tests.doubles.houses import CATALOGUE, Stage, an_envelope, chat
from tests.doubles.scripted_sender import ScriptedReply
from tests.doubles.worlds import a_world
from tests.simulation.clockwork import VirtualLoop

RESTRICTED = {"repos": ("payments",)}
REFUSED = Failure(FailureKind.UNREACHABLE, sent=False)


def limited(seconds: int) -> ScriptedReply:
    reply = ScriptedReply(b"{}", status=429)
    reply.headers["retry-after"] = str(seconds)
    return reply


def whole() -> ScriptedReply:
    return ScriptedReply(engine_bytes.chat_whole())


def played(work: Coroutine[Any, Any, tuple[int, dict[str, str], bytes]]) -> tuple[int, float]:
    """Return the status, and how many seconds passed on a clock that waits for nobody."""
    loop = VirtualLoop()
    try:
        status, _, _ = loop.run_until_complete(work)
    finally:
        loop.close()
    return status, loop.seconds


def test_a_backend_that_went_to_rest_meanwhile_is_not_asked_a_second_time() -> None:
    stage = Stage(vllm=[limited(1), whole()], vllm_2=[REFUSED])

    def rest(backend: str, reason: str) -> None:
        stage.worlds.world = a_world(a_fleet(CATALOGUE, vllm="a probe failed"))

    stage.health.rest = rest  # type: ignore[method-assign]
    status, _ = played(stage.ask(an_envelope(caller=RESTRICTED)))
    assert status == 502
    assert [call.backend for _, call in stage.sender.sent] == ["vllm", "vllm-2"]


def test_a_second_try_waits_as_long_as_was_asked_though_others_rest() -> None:
    stage = Stage(vllm=[limited(1), whole()])
    stage.worlds.now = resting_after_first()  # type: ignore[method-assign]
    status, seconds = played(stage.ask(an_envelope(caller=RESTRICTED)))
    assert (status, round(seconds)) == (200, 1)


def test_a_second_try_waits_as_long_as_was_asked_though_the_last_failure_was_another() -> None:
    stage = Stage(vllm=[limited(2), whole()], vllm_2=[REFUSED])
    status, seconds = played(stage.ask(an_envelope(caller=RESTRICTED)))
    assert (status, round(seconds)) == (200, 2)


def test_nobody_waits_when_nothing_will_be_tried_again() -> None:
    stage = Stage(vllm=[limited(1), limited(1)])
    stage.worlds.now = resting_after_first()  # type: ignore[method-assign]
    status, seconds = played(stage.ask(an_envelope(caller=RESTRICTED)))
    assert (status, round(seconds)) == (502, 1)


def resting_after_first() -> Any:
    """Return a snapshot with everybody well, and then ones in which the spare engine rests."""
    well = [a_world(a_fleet(CATALOGUE))]
    return lambda: well.pop() if well else a_world(a_fleet(CATALOGUE, vllm_2="resting"))


def test_a_fault_of_ours_inside_a_stream_is_told_and_not_laid_on_the_client() -> None:
    def crash(number: int) -> None:
        if number == 3:
            raise RuntimeError("a planted fault")

    events = engine_bytes.chat_events()
    reply = ScriptedReply(*events, content_type="text/event-stream", before_chunk=crash)
    stage = Stage(cloud=[reply])
    loop = VirtualLoop()
    try:
        status, _, raw = loop.run_until_complete(stage.ask(an_envelope(chat(stream=True))))
    finally:
        loop.close()
    assert status == 200
    assert raw.startswith(b"".join(events[:3]))
    assert b'"code":"internal_error"' in raw
    assert b"[DONE]" not in raw
    assert b"planted" not in raw
    settled = stage.ledger.settled[0]
    assert (settled.outcome, settled.error) == (OutcomeKind.FAILED, "internal_error")
    assert reply.abandoned
    event, fields = stage.log.lines[0]
    assert (event, fields["record"]) == ("stream_failed", settled.id)
