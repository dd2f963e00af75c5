"""A file that is no question is answered and taken away; it stops nobody else's."""

from pathlib import Path

import msgspec
import pytest

from gateway.app.inbox import Answer
from gateway.app.queries import UNREADABLE, Queries

pytestmark = pytest.mark.anyio


class Nothing:
    """A ledger that nothing is written to."""


@pytest.mark.parametrize("data", [b'{"question": "\xff"}', b"", b"[" * 9_000, b'{"a": 1}'])
async def test_what_cannot_be_read_is_refused_and_gone(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "one.json"
    path.write_bytes(data)
    assert await Queries(Nothing(), tmp_path)._take(path)
    assert not path.exists()
    answer = msgspec.json.decode(path.with_suffix(".answer").read_bytes(), type=Answer)
    assert answer == Answer(taken=False, why=UNREADABLE)
