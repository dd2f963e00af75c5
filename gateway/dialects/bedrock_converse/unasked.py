"""What only a surface of this dialect would need."""

from typing import NoReturn

from gateway.domain.errors import Unreachable


def unasked(*_given: object) -> NoReturn:
    """Raise Unreachable: no client speaks this dialect to us."""
    raise Unreachable("No client speaks Bedrock Converse to this gateway.")
