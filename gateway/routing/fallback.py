"""Which failure allows the next candidate, and what the caller hears in the end."""

from enum import StrEnum

from gateway.domain.errors import AllFailed, AllTimedOut, BackendError, EngineRejected
from gateway.domain.route import Failure, FailureKind

SAID_DEFAULT = "The engine says that the request cannot be served as it stands."


class Verdict(StrEnum):
    """What follows a failure."""

    NEXT = "next"
    STOP = "stop"


FALLBACK: dict[tuple[FailureKind, bool], Verdict] = {
    (FailureKind.UNREACHABLE, False): Verdict.NEXT,
    (FailureKind.TIMED_OUT, False): Verdict.NEXT,
    (FailureKind.RATE_LIMITED, False): Verdict.NEXT,
    (FailureKind.OVERLOADED, False): Verdict.NEXT,
    (FailureKind.REJECTED, False): Verdict.STOP,
    (FailureKind.CONTEXT_EXCEEDED, False): Verdict.NEXT,
    (FailureKind.CUT_SHORT, False): Verdict.NEXT,
    (FailureKind.UNREADABLE, False): Verdict.NEXT,
    (FailureKind.UNREACHABLE, True): Verdict.STOP,
    (FailureKind.TIMED_OUT, True): Verdict.STOP,
    (FailureKind.RATE_LIMITED, True): Verdict.STOP,
    (FailureKind.OVERLOADED, True): Verdict.STOP,
    (FailureKind.REJECTED, True): Verdict.STOP,
    (FailureKind.CONTEXT_EXCEEDED, True): Verdict.STOP,
    (FailureKind.CUT_SHORT, True): Verdict.STOP,
    (FailureKind.UNREADABLE, True): Verdict.STOP,
}


def may_continue(failure: Failure) -> bool:
    """May the next candidate of the same route be tried?"""
    return FALLBACK[failure.kind, failure.first_token_seen] is Verdict.NEXT


def error_after(failures: tuple[Failure, ...]) -> BackendError:
    """Return what the caller hears when every try failed; at least one failure is given."""
    last = failures[-1]
    if last.kind in {FailureKind.REJECTED, FailureKind.CONTEXT_EXCEEDED}:
        return EngineRejected(last.said or SAID_DEFAULT)
    tried = ", ".join(failure.kind for failure in failures)
    what = f"Every engine that may see this request was tried and failed ({tried})."
    if last.kind is FailureKind.TIMED_OUT:
        return AllTimedOut(what, retry_after_s=last.retry_after_s)
    return AllFailed(what, retry_after_s=last.retry_after_s)
