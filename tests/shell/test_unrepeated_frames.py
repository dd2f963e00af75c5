"""A credential in a stream of frames with checksums: the client gets whole frames or the end.

Cutting it out changes a length and a checksum, which the reader of the frames takes for a broken
stream: nothing after the frame before it is forwarded, and the client is told in its own form.
"""

from base64 import b64encode

import msgspec
import pytest
from botocore.eventstream import EventStreamBuffer

from gateway.dialects.anthropic_enclosed.frames import Unframed
from gateway.dialects.bedrock_converse.tap import Tap
from gateway.transport.unrepeated import unrepeated
from tests.doubles.event_frames import event, fault, message
from tests.doubles.fake_bedrock import API_KEY, USAGE
from tests.shell.test_unrepeated import Answered

pytestmark = pytest.mark.anyio
SENT = (("authorization", f"Bearer {API_KEY}"),)
BEFORE = event("messageStart", role="assistant") + event(
    "contentBlockDelta", contentBlockIndex=0, delta={"text": "hello"}
)
AFTER = (
    event("contentBlockStop", contentBlockIndex=0)
    + event("messageStop", stopReason="end_turn")
    + event("metadata", usage=USAGE, metrics={"latencyMs": 1})
)
SAID = {
    "text": event("contentBlockDelta", contentBlockIndex=0, delta={"text": f"it is {API_KEY}."}),
    "exception": fault("modelStreamErrorException", f"{API_KEY} may not do that"),
    "header": message(b"", message_type="error", error_code="x", error_message=API_KEY),
    "nothing": b"",
}


async def heard(stream: bytes, step: int) -> tuple[bytes, bool]:
    """Return what a client of the same framing gets, and whether the stream was read to its end."""
    tap, out = Tap(), b""
    async for part in unrepeated(Answered(200, stream, step), SENT).chunks():
        try:
            out += tap.feed(part)
        except ValueError:
            return out, False
    return out, tap.finished


@pytest.mark.parametrize("step", [1, 3, 64, 10_000])
@pytest.mark.parametrize("where", SAID)
async def test_the_frames_before_it_pass_and_none_is_broken(where: str, step: int) -> None:
    out, is_whole = await heard(BEFORE + SAID[where] + AFTER, step)
    assert is_whole == (where == "nothing")
    assert API_KEY.encode() not in out
    buffer = EventStreamBuffer()
    buffer.add_data(out)
    kinds = [one.headers[":event-type"] for one in buffer]
    assert kinds[:2] == ["messageStart", "contentBlockDelta"][: len(kinds)]
    assert buffer._data == b""
    if where == "nothing":
        assert out == BEFORE + AFTER


@pytest.mark.parametrize("before", range(3))
async def test_in_a_chunk_it_stands_in_base64_and_ends_the_stream_too(before: int) -> None:
    said = msgspec.json.encode({"type": "x" * (4 + before), "text": API_KEY})
    chunk = event("chunk", bytes=b64encode(said).decode())
    whole = Unframed().feed(chunk)
    assert API_KEY.encode() in whole
    reply = unrepeated(Answered(200, chunk + chunk), SENT)
    unframed = Unframed()
    with pytest.raises(ValueError, match="checksum"):
        unframed.feed(b"".join([part async for part in reply.chunks()]))
