"""The body that would be invoked: in base64 on the wire, as it is everywhere else."""

from base64 import b64encode
from binascii import Error, a2b_base64

from gateway.domain.errors import Malformed
from gateway.domain.request import Body
from gateway.wire import body as wire_body

INPUT = "input"
INVOKE = "invokeModel"


def unpack(body: Body) -> Body:
    """Return the request with the body that it holds in base64 parsed; Malformed, TooLarge."""
    asked = body.get(INPUT)
    invoke = asked.get(INVOKE) if isinstance(asked, dict) else None
    if not isinstance(asked, dict) or invoke is None:
        return body
    packed = invoke.get("body") if isinstance(invoke, dict) else None
    if not isinstance(packed, str):
        raise Malformed("input.invokeModel.body must be base64")
    try:
        raw = a2b_base64(packed, strict_mode=True)
    except (Error, ValueError):
        raise Malformed("input.invokeModel.body must be base64") from None
    return {**body, INPUT: {**asked, INVOKE: {**invoke, "body": wire_body.parse(raw)}}}


def packed(inner: Body) -> Body:
    """Return what Bedrock is asked to count."""
    return {INPUT: {INVOKE: {"body": b64encode(wire_body.encode(inner)).decode()}}}
