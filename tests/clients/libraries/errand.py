"""What every library is asked to do, and how its script tells what came of it.

A script runs in the environment of its library, which has nothing of this project: `run.py` gives
it one errand after the other, and writes down an outcome for each task.

Tasks: `whole` and `streamed` say the word that stands in the prompt; `called` and `called_streamed`
read a file by a tool that the script runs, and say the word in it; `shaped` says the word as an
object of a given schema; `shaped_call` the same by a tool that must be called. What a stream brings
is returned as the list of its pieces.
"""

import asyncio
import inspect
import json  # noqa: TID251 - the environments of the libraries have no msgspec
from collections.abc import Callable
from pathlib import Path

READ_FILE = "read_file"
READS = "Read a file and return what it holds."
PATH_SCHEMA = {
    "type": "object",
    "properties": {"path": {"type": "string"}},
    "required": ["path"],
    "additionalProperties": False,
}
WORD_SCHEMA = {
    "type": "object",
    "properties": {"word": {"type": "string"}},
    "required": ["word"],
    "additionalProperties": False,
}
MAX_TOKENS = 256


class Errand:
    """A gateway, a key and a model, and the tasks to do; `face` is how the library speaks."""

    def __init__(self, fields: dict) -> None:
        self.url: str = fields["url"]
        self.key: str = fields["key"]
        self.model: str = fields["model"]
        self.face: str = fields["face"]
        self.tasks: list[str] = fields["tasks"]
        self.say: str = fields["say"]
        self.read: str = fields["read"]

    @property
    def said(self) -> list[dict]:
        return [{"role": "user", "content": self.say}]

    @property
    def asked(self) -> list[dict]:
        return [{"role": "user", "content": self.read}]


FIELDS = ("url", "key", "model", "face", "tasks", "say", "read")
# The present one, which `run.py` puts here.
ERRAND = Errand(dict.fromkeys(FIELDS, ""))
OUTCOMES: list[dict] = []


def read_file(path: str) -> str:
    """Read a file and return what it holds.

    Args:
        path: where it stands.
    """
    return Path(path).read_text()


def run_tool(name: str, given: str | dict) -> str:
    """Do what the model calls for."""
    assert name == READ_FILE, name
    return read_file(**(json.loads(given) if isinstance(given, str) else given))


def word_of(text: str | dict) -> str:
    """Return the word of an object of the schema."""
    return (json.loads(text) if isinstance(text, str) else text)["word"]


def _outcome(task: Callable) -> dict:
    try:
        said = task()
        if inspect.isawaitable(said):
            said = asyncio.run(said)
    except Exception as error:  # noqa: BLE001 - the test judges it
        kinds = [kind.__name__ for kind in type(error).__mro__]
        return {"raised": kinds, "message": str(error)}
    pieces = said if isinstance(said, list) else [said]
    return {"text": "".join(pieces), "pieces": len([one for one in pieces if one])}


def drive(**tasks: Callable) -> None:
    """Do the tasks of the errand and keep what came of each."""
    OUTCOMES.append({name: _outcome(tasks[name]) for name in ERRAND.tasks})
