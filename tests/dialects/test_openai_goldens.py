"""What we write, as plain files to read; `python -m tests.dialects.test_openai_goldens` renews."""

from pathlib import Path

import msgspec
import pytest

from gateway.dialects.openai_chat import OPENAI_CHAT
from gateway.wire import body as wire_body
from tests.doubles.openai_scenarios import ASKED, OFFERING, RECORD, REPLIES

FOLDER = Path(__file__).parent.parent / "goldens" / "openai_chat"
REQUESTS = ("agent", "lossy")


def a_request(name: str) -> bytes:
    """The body that an engine of this dialect gets for that request, and what was lost."""
    body = wire_body.parse((FOLDER / f"{name}.json").read_bytes())
    conversation, unread = OPENAI_CHAT.read(body)
    written, unsaid = OPENAI_CHAT.write(conversation, OFFERING, OPENAI_CHAT.peek(body).stream)
    return msgspec.json.encode({"body": written, "losses": [*unread, *unsaid]})


def a_stream(name: str) -> bytes:
    writer = OPENAI_CHAT.writer(ASKED, RECORD, True)
    return b"".join([*(writer.write(event) for event in REPLIES[name]), writer.close()])


def a_file(raw: bytes) -> bytes:
    return msgspec.json.format(raw, indent=2) + b"\n"


WRITTEN = {
    **{f"{name}.openai_chat.json": a_file(a_request(name)) for name in REQUESTS},
    **{
        f"{name}.reply.json": a_file(OPENAI_CHAT.write_reply(events, ASKED, RECORD))
        for name, events in REPLIES.items()
    },
    **{f"{name}.stream.txt": a_stream(name) for name in REPLIES},
}


@pytest.mark.parametrize("file", WRITTEN)
def test_what_we_write_is_what_was_agreed(file: str) -> None:
    assert (FOLDER / file).read_bytes() == WRITTEN[file]


def test_every_file_is_somebodys_golden() -> None:
    requests = {f"{name}.json" for name in REQUESTS}

    assert {path.name for path in FOLDER.iterdir()} == requests | set(WRITTEN)


if __name__ == "__main__":
    for file, raw in WRITTEN.items():
        (FOLDER / file).write_bytes(raw)
