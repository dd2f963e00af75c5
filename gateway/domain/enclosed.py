"""The request that a body holds, where it stands in it to be counted."""

from gateway.domain.request import Body

_WHOLE = ("generateContentRequest", "generate_content_request")
INPUT = "input"
_CONVERSE, _INVOKE = "converse", "invokeModel"


def held_in(body: Body) -> list[Body]:
    """Return the requests that stand in the body, one level below.

    A body of any dialect is read by its structure, and nothing in it is an error here.
    INVARIANT: what is said and claimed of a request counts alike where only its size is asked for:
    an engine that counts it has it.
    """
    asked = body.get(INPUT)
    inner = [body.get(name) for name in _WHOLE]
    if isinstance(asked, dict):
        invoked = asked.get(_INVOKE)
        inner += [asked.get(_CONVERSE), invoked.get("body") if isinstance(invoked, dict) else None]
    return [one for one in inner if isinstance(one, dict)]
