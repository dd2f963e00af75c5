"""What an account of Bedrock keeps in a region: GetAccountDataRetention, read and never set."""

import msgspec
from msgspec import Struct

from gateway.transport.backend import Question
from gateway.transport.bedrock_place import RETENTION
from gateway.transport.credentials import Settings

PATH = "/data-retention"
OK = 200


class _Told(Struct):
    """What is read of GetAccountDataRetention."""

    mode: str


async def read(question: Question) -> str:
    """Return the account's mode in that region; ValueError when it cannot be read.

    What `question` raises passes through.
    """
    status, body = await question(PATH, "")
    if status != OK:
        raise ValueError(f"GetAccountDataRetention answers {status}")
    return msgspec.json.decode(body, type=_Told).mode


def declared(settings: Settings) -> str:
    """Return the mode that the fleet file declares; empty where it says nothing."""
    return str(settings.get(RETENTION, ""))
