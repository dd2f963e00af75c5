"""The texts of a request are kept only where the node says so and policy lets them be."""

import pytest
from msgspec import UNSET
from msgspec.structs import replace

from gateway.audit.record import Decided, Settled
from gateway.domain.decision import Effect
from gateway.domain.errors import LedgerUnavailable
from gateway.domain.obligation import Obligation
from gateway.flow.exchange import Exchange
from gateway.flow.texts import TOO_LARGE, UNWRITTEN, Texts
from tests.doubles.houses import Stage, an_envelope, chat
from tests.doubles.records import a_decided, a_decision, a_settled

pytestmark = pytest.mark.anyio
NO_LOG_BODIES = Obligation.NO_LOG_BODIES
RAW = b'{"messages": []}'


class Shelf:
    """Keeps bodies in memory, or fails."""

    bytes_max = 20

    def __init__(self) -> None:
        self.kept: list[tuple[str, str, bytes]] = []
        self.fails = False

    async def keep(self, record: Decided | Settled, subject: str, data: bytes) -> str:
        if self.fails:
            raise LedgerUnavailable("a body cannot be kept")
        self.kept.append((type(record).__name__, subject, data))
        return f"{len(self.kept):032x}"


def texts(shelf: Shelf | None, raw: bytes = RAW, size: int | None = None, **changed) -> Texts:
    envelope = replace(an_envelope(chat()), raw=raw, body_bytes=len(raw) if size is None else size)
    return Texts(shelf, envelope, replace(a_decision("on_prem"), **changed))


async def kept_of(shelf: Shelf | None, *said: bytes, **changed) -> tuple[object, object]:
    """Return what the records of one request say of its texts."""
    found = texts(shelf, **changed)
    decided = await found.of_request(a_decided("r"), "ada")
    for one in said:
        found.said(one)
    settled = replace(a_settled("r"), reply_bytes=sum(map(len, said)))
    return decided.body, (await found.of_reply(settled, "ada")).reply_body


async def test_both_texts_are_kept_whole_before_their_records() -> None:
    shelf = Shelf()
    assert await kept_of(shelf, b"one ", b"two") == (f"{1:032x}", f"{2:032x}")
    assert shelf.kept == [("Decided", "ada", RAW), ("Settled", "ada", b"one two")]


async def test_nothing_is_kept_where_the_node_does_not_say_so() -> None:
    assert await kept_of(None, b"one") == (UNSET, UNSET)


async def test_nothing_is_kept_that_policy_forbids_to_keep() -> None:
    shelf = Shelf()
    said = await kept_of(shelf, b"one", obligations=(NO_LOG_BODIES,))
    assert said == (NO_LOG_BODIES, NO_LOG_BODIES)
    assert shelf.kept == []


@pytest.mark.parametrize("effect", [one for one in Effect if one is not Effect.PERMIT])
async def test_nothing_is_kept_of_what_policy_did_not_permit(effect: Effect) -> None:
    shelf = Shelf()
    assert await kept_of(shelf, b"no", effect=effect) == (UNSET, UNSET)
    assert shelf.kept == []


async def test_what_is_too_large_is_not_kept_and_never_cut() -> None:
    shelf = Shelf()
    said = await kept_of(shelf, b"1234567890", b"1234567890", b"1", raw=b"", size=21)
    assert said == (TOO_LARGE, TOO_LARGE)
    assert shelf.kept == []
    assert await kept_of(shelf, b"1234567890", b"1234567890") == (f"{1:032x}", f"{2:032x}")


async def test_a_request_that_cannot_be_kept_is_refused_and_a_reply_says_so() -> None:
    shelf = Shelf()
    found = texts(shelf)
    shelf.fails = True
    with pytest.raises(LedgerUnavailable):
        await found.of_request(a_decided("r"), "ada")
    found.said(b"one")
    settled = await found.of_reply(replace(a_settled("r"), reply_bytes=3), "ada")
    assert settled.reply_body == UNWRITTEN


async def test_nothing_leaves_when_its_body_cannot_be_kept() -> None:
    shelf = Shelf()
    stage = Stage()
    stage.exchange = Exchange(replace(stage.house, bodies=shelf))
    shelf.fails = True
    status, _, _ = await stage.ask(replace(an_envelope(chat()), raw=RAW, body_bytes=len(RAW)))
    assert status == 503
    assert stage.sender.sent == []
    assert stage.ledger.decided == []
