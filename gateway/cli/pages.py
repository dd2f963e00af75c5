"""Pages of the documentation that are made from the code they describe."""

from gateway.domain.errors import GatewayError
from gateway.domain.route import FailureKind
from gateway.routing.fallback import FALLBACK

MADE = "<!-- made by `make generate`; change the code instead -->"


def errors_page() -> str:
    """Return the table of every error that a caller can meet."""
    rows = [
        f"| `{leaf.code}` | {leaf.status} | {leaf.blame} | {leaf.__name__} | {_meaning(leaf)} |"
        for leaf in _leaves(GatewayError)
    ]
    return "\n".join(
        [
            MADE,
            "# Errors",
            "",
            "A refusal by policy has status 400 unless the node file sets `refusal_status: 403`.",
            "Every error carries the record id, except one of a caller that is not known.",
            "",
            "| code | status | blame | type | meaning |",
            "|---|---|---|---|---|",
            *rows,
            "",
        ]
    )


def fallback_page() -> str:
    """Return the table of failures and what follows each."""
    rows = [
        f"| {kind} | {FALLBACK[kind, False]} | {FALLBACK[kind, True]} |" for kind in FailureKind
    ]
    return "\n".join(
        [
            MADE,
            "# Fallback",
            "",
            "What follows a failed attempt: `next` tries the next candidate of the same route,",
            "`stop` ends the request. After the first token nothing is tried again.",
            "",
            "| failure | before the first token | after it |",
            "|---|---|---|",
            *rows,
            "",
        ]
    )


def _meaning(error: type[GatewayError]) -> str:
    return (error.__doc__ or "").splitlines()[0]


def _leaves(error: type[GatewayError]) -> list[type[GatewayError]]:
    children = error.__subclasses__()
    if not children:
        return [error]
    return [leaf for child in children for leaf in _leaves(child)]
