"""The name that an engine gave a request: with it an operator asks the provider about it."""

import re
from collections.abc import Mapping

# WHY: in the order in which they are believed; a proxy on the way adds the later ones.
HEADERS = (
    "request-id",
    "x-amzn-requestid",
    "apim-request-id",
    "x-goog-request-id",
    "x-request-id",
    "x-ds-trace-id",
    "cf-ray",
)
# INVARIANT: whatever else stands there is not kept: it could be text of the prompt.
_NAME = re.compile(r"[A-Za-z0-9_.:/=-]{1,128}")


def provider_id(headers: Mapping[str, str]) -> str:
    """Return the name in the first header that has one, empty where none does."""
    told = (headers.get(name, "") for name in HEADERS)
    return next((name for name in told if _NAME.fullmatch(name)), "")
