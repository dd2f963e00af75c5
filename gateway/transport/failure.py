"""How an attempt fails below the flow: one exception, and one mapping from the system's errors."""

import errno
import ssl

from gateway.domain.route import Failure, FailureKind
from gateway.transport.tls import PinRefused

_KNOWN: tuple[tuple[type[OSError], FailureKind, str], ...] = (
    (ssl.SSLCertVerificationError, FailureKind.UNREACHABLE, "certificate refused"),
    (ssl.SSLError, FailureKind.UNREACHABLE, "TLS failed"),
    (TimeoutError, FailureKind.TIMED_OUT, "timed out"),
    (ConnectionRefusedError, FailureKind.UNREACHABLE, "connection refused"),
    (ConnectionResetError, FailureKind.UNREACHABLE, "connection reset"),
)


class TransportFailure(Exception):
    """An attempt brought no reply, or not all of it; `failure` says how far it came.

    `failure.sent` is False only when no byte of the request can have left this machine.
    """

    def __init__(self, failure: Failure) -> None:
        super().__init__(f"{failure.kind}: {failure.detail}")
        self.failure = failure


class ReplyTooLarge(TransportFailure):
    """The body of a reply is larger than the reader allows."""


class Mispinned(TransportFailure):
    """Whoever answered holds another key than those that are pinned; nothing was sent to him."""


def failed(kind: FailureKind, detail: str, *, sent: bool) -> TransportFailure:
    """Return the failure of that kind; `detail` is safe to log."""
    return TransportFailure(Failure(kind, sent=sent, detail=detail))


def too_large(bytes_max: int) -> ReplyTooLarge:
    """Return the failure of a reply that has more than `bytes_max` bytes."""
    detail = f"reply over {bytes_max} bytes"
    return ReplyTooLarge(Failure(FailureKind.UNREADABLE, sent=True, detail=detail))


def from_os(error: OSError, *, sent: bool) -> TransportFailure:
    """Return what an error of the operating system or of TLS means for the attempt.

    The error's own text stays out of the detail: it may quote what was sent.
    """
    if isinstance(error, PinRefused):
        detail = "another key than those that are pinned"
        return Mispinned(Failure(FailureKind.UNREACHABLE, sent=sent, detail=detail))
    for known, kind, detail in _KNOWN:
        if isinstance(error, known):
            return failed(kind, detail, sent=sent)
    name = errno.errorcode.get(error.errno or 0, type(error).__name__)
    return failed(FailureKind.UNREACHABLE, f"connection failed ({name})", sent=sent)
