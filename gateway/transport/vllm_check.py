"""Does this vLLM server serve the model, and how long a prompt does it take?"""

import msgspec
from msgspec import Struct

from gateway.transport.backend import Inspection, Question

OK = 200
MODELS = "/v1/models"


class _Served(Struct):
    """One entry of /v1/models."""

    id: str = ""
    max_model_len: int | None = None


class _List(Struct):
    """What is read of /v1/models."""

    data: list[_Served] = []


async def inspect(question: Question, model: str) -> Inspection:
    """Return what the server says of that model; ValueError when it cannot be read.

    A server that lists nothing at all says nothing.
    """
    status, body = await question(MODELS, "")
    if status != OK:
        return Inspection(problem=f"{MODELS}: status {status}")
    listed = msgspec.json.decode(body, type=_List).data
    served = next((one for one in listed if one.id == model), None)
    if served is None:
        return Inspection(unfit="the server does not serve that model" if listed else "")
    return Inspection(context_tokens=served.max_model_len)
