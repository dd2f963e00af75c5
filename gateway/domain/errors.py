"""Everything that can end a request, as one tree.

GatewayError
    RequestError    blame=caller    Malformed 400, TooSlow 408, TooLarge 413,
                                    UnsupportedMedia 415,
                                    UnknownModel 404, UnknownPath 404, WrongMethod 405,
                                    WrongProtocol 426, CannotExpress 400
    IdentityError   blame=caller    Unauthenticated 401, NotAllowed 400
    Refusal         blame=policy    Denied 400, NothingFits 400, NoHealthyBackend 503, Draining 503
    BackendError    blame=backend   EngineRejected 400, AllFailed 502, AllTimedOut 504
    LedgerError     blame=operator  LedgerUnavailable 503, ChainBroken 503
    ConversationsUnavailable        blame=operator, 503
    ConfigError     blame=operator  start-up only
    Bug             blame=us        BoundaryBreach 500, Unreachable 500
"""

from typing import ClassVar

from msgspec import Struct


class Problem(Struct, frozen=True):
    """One thing wrong in a configuration file: where, what, and what to do."""

    file: str
    line: int
    path: str
    what: str
    hint: str = ""

    def __str__(self) -> str:
        """Return `file:line: path: what (hint)`."""
        place = f"{self.path}: " if self.path else ""
        hint = f" ({self.hint})" if self.hint else ""
        return f"{self.file}:{self.line}: {place}{self.what}{hint}"


class GatewayError(Exception):
    """A request ends without an answer. `what` is for the caller, `hint` for the operator."""

    code: ClassVar[str] = "internal_error"
    status: ClassVar[int] = 500
    blame: ClassVar[str] = "us"
    retry_after_s: int | None = None

    def __init__(self, what: str, *, hint: str = "", retry_after_s: int | None = None) -> None:
        super().__init__(what)
        self.what = what
        self.hint = hint
        if retry_after_s is not None:
            self.retry_after_s = retry_after_s


class RequestError(GatewayError):
    """The request itself is wrong."""

    code, status, blame = "invalid_request", 400, "caller"


class Malformed(RequestError):
    """The body or a header cannot be read."""

    code = "malformed"


class TooLarge(RequestError):
    """The body is larger than the limit."""

    code, status = "too_large", 413


class TooSlow(RequestError):
    """The body did not arrive in time."""

    code, status = "too_slow", 408


class UnsupportedMedia(RequestError):
    """The content type or encoding is not one we read."""

    code, status = "unsupported_media", 415


class TooMany(RequestError):
    """The caller asks for this more often than it is answered."""

    code, status, retry_after_s = "rate_limited", 429, 60


class UnknownModel(RequestError):
    """No task, model or offering has that name."""

    code, status = "model_not_found", 404


class UnknownPath(RequestError):
    """There is no such path; nothing is ever proxied."""

    code, status = "not_found", 404


class WrongMethod(RequestError):
    """The path is there, and takes another method."""

    code, status = "method_not_allowed", 405


class WrongProtocol(RequestError):
    """The path is there, and is spoken to in plain HTTP, by no other protocol."""

    code, status = "upgrade_required", 426


class CannotExpress(RequestError):
    """The chosen engine cannot express a part of the request, and policy refuses the loss."""

    code = "cannot_express"


class IdentityError(GatewayError):
    """We do not know the caller, or he may not do this."""

    code, status, blame = "unauthenticated", 401, "caller"


class Unauthenticated(IdentityError):
    """The key is missing or wrong."""


class NotAllowed(IdentityError):
    """The caller is known and may not do this."""

    code, status = "not_allowed", 400


class Refusal(GatewayError):
    """Policy or capacity says no."""

    code, status, blame = "policy_denied", 400, "policy"


class Denied(Refusal):
    """No zone may see this request."""


class ReplyCut(Refusal):
    """The reply holds what policy keeps back; it ends before it."""

    code = "reply_cut"


class NothingFits(Refusal):
    """No offering inside the boundary could answer, even if all were healthy."""

    code = "no_model_fits"


class NoHealthyBackend(Refusal):
    """Something would fit if it were healthy."""

    code, status, retry_after_s = "no_healthy_backend", 503, 5


class Draining(Refusal):
    """The gateway is shutting down or full."""

    code, status, retry_after_s = "overloaded", 503, 2


class BackendError(GatewayError):
    """Every candidate was tried and failed."""

    code, status, blame = "backend_failed", 502, "backend"


class EngineRejected(BackendError):
    """The engine says that the request is wrong."""

    code, status = "invalid_request", 400


class AllFailed(BackendError):
    """The last candidate failed."""


class AllTimedOut(BackendError):
    """The last candidate did not answer in time."""

    code, status = "backend_timeout", 504


class LedgerError(GatewayError):
    """The ledger cannot take a record, so nothing may be sent."""

    code, status, blame, retry_after_s = "ledger_unavailable", 503, "operator", 5


class LedgerUnavailable(LedgerError):
    """The disk is full, read-only or failing."""


class ChainBroken(LedgerError):
    """What stands on disk is not what was written."""

    code = "ledger_broken"


class ConversationsUnavailable(GatewayError):
    """What was said before cannot be recalled or kept, so the label could be too low."""

    code, status, blame = "conversations_unavailable", 503, "operator"
    retry_after_s = 5


class ConfigError(GatewayError):
    """The configuration cannot be used; carries every problem at once."""

    code, blame = "config_error", "operator"

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        super().__init__("\n".join(str(problem) for problem in problems))
        self.problems = problems


class Bug(GatewayError):
    """We are wrong; never retried, always alarmed."""


class BoundaryBreach(Bug):
    """A prompt was about to leave its boundary, and was stopped."""

    code = "boundary_breach"


class Unreachable(Bug):
    """Code that cannot run ran."""
