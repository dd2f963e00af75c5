"""How an attempt fails below the flow: one exception, and one mapping from the system's errors."""

import errno
import ssl

from gateway.domain.route import Failure, FailureKind


class TransportFailure(Exception):
    """An attempt brought no reply, or not all of it; `failure` says how far it came.

    `failure.sent` is False only when no byte of the request can have left this machine.
    """

    def __init__(self, failure: Failure) -> None:
        super().__init__(f"{failure.kind}: {failure.detail}")
        self.failure = failure


class ReplyTooLarge(TransportFailure):
    """The body of a reply is larger than the reader allows."""


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
    if isinstance(error, ssl.SSLCertVerificationError):
        return failed(FailureKind.UNREACHABLE, "certificate refused", sent=sent)
    if isinstance(error, ssl.SSLError):
        return failed(FailureKind.UNREACHABLE, "TLS failed", sent=sent)
    if isinstance(error, TimeoutError):
        return failed(FailureKind.TIMED_OUT, "timed out", sent=sent)
    if isinstance(error, ConnectionRefusedError):
        return failed(FailureKind.UNREACHABLE, "connection refused", sent=sent)
    if isinstance(error, ConnectionResetError):
        return failed(FailureKind.UNREACHABLE, "connection reset", sent=sent)
    name = errno.errorcode.get(error.errno or 0, type(error).__name__)
    return failed(FailureKind.UNREACHABLE, f"connection failed ({name})", sent=sent)
