"""What a client is told of an error is a sentence, and names the record in another."""

import pytest

from gateway.dialects import DIALECTS
from gateway.domain.errors import Malformed
from gateway.domain.request import Operation

RECORD = "01938e6c-7c1a-7abc-8def-0123456789ab"
BARE = "Object missing required field `model`"


@pytest.mark.parametrize("name", sorted(DIALECTS))
@pytest.mark.parametrize("said", [BARE, f"{BARE}."])
def test_every_dialect_ends_its_sentence_before_it_names_the_record(name: str, said: str) -> None:
    told = DIALECTS[name].refusal(Malformed(said), RECORD).body.decode()
    assert f"{BARE}. Record {RECORD}." in told
    alone = DIALECTS[name].refusal(Malformed(said), "").body.decode()
    assert f"{BARE}." in alone
    assert "Record" not in alone


STREAMING = [
    name
    for name, one in DIALECTS.items()
    if one.operation in {Operation.GENERATE, Operation.COMPLETE}
]


@pytest.mark.parametrize("name", STREAMING)
def test_so_does_the_last_word_of_a_stream(name: str) -> None:
    assert f"{BARE}. Record {RECORD}.".encode() in DIALECTS[name].stream_error(
        Malformed(BARE), RECORD
    )
