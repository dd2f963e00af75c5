from itertools import product

import pytest

from gateway.domain.errors import AllFailed, AllTimedOut, EngineRejected
from gateway.domain.route import Failure, FailureKind
from gateway.routing.fallback import FALLBACK, SAID_DEFAULT, Verdict, error_after, may_continue


def test_every_failure_has_a_verdict_before_and_after_the_first_token() -> None:
    assert set(FALLBACK) == set(product(FailureKind, (False, True)))


@pytest.mark.parametrize("kind", FailureKind)
def test_nothing_is_tried_again_after_the_first_token(kind: FailureKind) -> None:
    assert FALLBACK[kind, True] is Verdict.STOP
    assert not may_continue(Failure(kind, sent=True, first_token_seen=True))


def test_what_the_engine_rejects_is_not_tried_elsewhere() -> None:
    assert not may_continue(Failure(FailureKind.REJECTED, sent=True))
    assert may_continue(Failure(FailureKind.CONTEXT_EXCEEDED, sent=True))


def test_the_caller_hears_the_last_failure() -> None:
    dead = Failure(FailureKind.UNREACHABLE, sent=False)
    slow = Failure(FailureKind.TIMED_OUT, sent=True, retry_after_s=3)
    said = Failure(FailureKind.REJECTED, sent=True, said="max_tokens is too large")
    full = Failure(FailureKind.CONTEXT_EXCEEDED, sent=True)
    assert type(error_after((slow, dead))) is AllFailed
    assert error_after((slow, dead)).status == 502
    late = error_after((dead, slow))
    assert type(late) is AllTimedOut
    assert (late.status, late.retry_after_s) == (504, 3)
    assert "unreachable, timed_out" in late.what
    assert type(error_after((dead, said))) is EngineRejected
    assert error_after((said,)).what == "max_tokens is too large"
    assert error_after((full,)).what == SAID_DEFAULT
