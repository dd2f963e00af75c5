"""A fetched credential: off the loop, once at a time, ahead of time, and never a stale one."""

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest

from gateway.domain.route import FailureKind
from gateway.domain.secret import Secret
from gateway.transport.credentials import CredentialRefused, Lease, Source, keeper
from gateway.transport.credentials.keeper import AGAIN_S, AHEAD_MAX, DOUBTED_MIN, LEFT_MIN, Keeper
from gateway.transport.failure import TransportFailure

pytestmark = pytest.mark.anyio

START = datetime(2026, 11, 27, 8, 0, tzinfo=UTC)
LIFE = timedelta(hours=1)
TICKS = 500
THREADS = ThreadPoolExecutor(4)


class Giver:
    """A source that numbers what it gives out, may be held, and may refuse."""

    def __init__(self) -> None:
        self.now = START
        self.count = 0
        self.threads: set[int] = set()
        self.free = threading.Event()
        self.free.set()
        self.refuses: Exception | None = None
        self.life = LIFE
        self.told: list[tuple[str, str]] = []
        source = Source("giver", (), self.fetch)
        self.keeper = Keeper(
            source, lambda: self.now, lambda *words: self.told.append(words), THREADS
        )

    def fetch(self, now: datetime) -> Lease:
        self.threads.add(threading.get_ident())
        assert self.free.wait(20)
        if self.refuses is not None:
            raise self.refuses
        self.count += 1
        return Lease(Secret(f"secret-{self.count}"), now + self.life)

    async def given(self) -> str:
        return (await self.keeper.current()).reveal()


async def settled(giver: Giver, count: int) -> None:
    for _ in range(2_000):
        if giver.count >= count:
            break
        await asyncio.sleep(0.005)
    await asyncio.sleep(0)
    await asyncio.sleep(0)


async def test_a_fetch_runs_off_the_loop_which_goes_on_ticking() -> None:
    giver = Giver()
    giver.free.clear()
    waiting = asyncio.create_task(giver.given())
    ticks = 0
    while ticks < TICKS:
        await asyncio.sleep(0)
        ticks += 1
    assert not waiting.done()
    giver.free.set()
    assert await waiting == "secret-1"
    assert threading.get_ident() not in giver.threads


async def test_many_who_need_it_at_once_cause_one_fetch() -> None:
    giver = Giver()
    giver.free.clear()
    waiting = [asyncio.create_task(giver.given()) for _ in range(50)]
    await asyncio.sleep(0.01)
    giver.free.set()
    assert set(await asyncio.gather(*waiting)) == {"secret-1"}
    assert giver.count == 1


async def test_a_valid_credential_is_renewed_ahead_of_its_end_and_nobody_waits() -> None:
    giver = Giver()
    assert await giver.given() == "secret-1"
    giver.now = START + LIFE - AHEAD_MAX - timedelta(seconds=1)
    assert await giver.given() == "secret-1"
    assert giver.count == 1, "too early"
    giver.now = START + LIFE - AHEAD_MAX
    giver.free.clear()
    assert await giver.given() == "secret-1", "one is valid: nobody waits for the next"
    giver.free.set()
    await settled(giver, 2)
    assert await giver.given() == "secret-2"
    giver.keeper.close()


async def test_it_is_renewed_even_if_nobody_asks() -> None:
    giver = Giver()
    giver.life = LEFT_MIN + timedelta(seconds=0.2)
    await giver.given()
    giver.life = LIFE
    giver.keeper._wake(0.01)
    await settled(giver, 2)
    assert giver.count == 2
    giver.keeper.close()


async def test_a_failed_renewal_keeps_the_valid_one_to_its_last_half_minute_and_no_longer() -> None:
    giver = Giver()
    await giver.given()
    giver.refuses = CredentialRefused("status 500")
    giver.now = START + LIFE - AHEAD_MAX
    assert await giver.given() == "secret-1"
    await asyncio.sleep(0.05)
    giver.now = START + LIFE - LEFT_MIN
    assert await giver.given() == "secret-1"
    giver.now += timedelta(microseconds=1)
    with pytest.raises(TransportFailure) as caught:
        await giver.given()
    failure = caught.value.failure
    assert (failure.kind, failure.sent) == (FailureKind.UNREACHABLE, False)
    assert failure.detail == "no credential from giver: status 500"
    giver.refuses = None
    giver.now += timedelta(seconds=AGAIN_S)
    assert await giver.given() == "secret-2"
    giver.keeper.close()


async def test_what_was_refused_just_now_is_not_waited_for_again() -> None:
    giver = Giver()
    giver.refuses = CredentialRefused("status 500")
    with pytest.raises(TransportFailure):
        await giver.given()
    giver.free.clear()
    for _ in range(3):
        with pytest.raises(TransportFailure, match="status 500"):
            await giver.given()
    assert giver.keeper._flight is None
    giver.free.set()
    giver.refuses = None
    giver.keeper._wake(0.01)
    await settled(giver, 1)
    assert await giver.given() == "secret-1", "it was asked again without anybody waiting"
    giver.keeper.close()


@pytest.mark.parametrize("error", [OSError("sk-canary"), ValueError("sk-canary")])
async def test_the_words_of_any_other_error_stay_in_the_thread(error: Exception) -> None:
    giver = Giver()
    giver.refuses = error
    with pytest.raises(TransportFailure) as caught:
        await giver.given()
    assert "canary" not in f"{caught.value}{caught.value.failure}{giver.told}"
    assert caught.value.__cause__ is None


async def test_an_expired_or_empty_answer_is_no_credential() -> None:
    giver = Giver()
    giver.life = LEFT_MIN - timedelta(seconds=1)
    with pytest.raises(TransportFailure):
        await giver.given()
    source = Source("giver", (), lambda now: Lease(Secret(""), now + LIFE))
    empty = Keeper(source, lambda: START, lambda *_: None, THREADS)
    with pytest.raises(TransportFailure):
        await empty.current()


async def test_a_stuck_fetch_fails_in_time_and_no_second_thread_begins(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(keeper, "FETCH_MS_MAX", 30)
    giver = Giver()
    giver.free.clear()
    for _ in range(3):
        with pytest.raises(TransportFailure) as caught:
            await giver.given()
        assert caught.value.failure.sent is False
    assert len(giver.threads) == 1
    giver.free.set()
    await settled(giver, 1)
    assert await giver.given() == "secret-1"
    giver.keeper.close()


async def test_which_source_serves_is_told_once_and_by_name_alone() -> None:
    giver = Giver()
    await giver.given()
    giver.now += LIFE
    await giver.given()
    assert giver.told == [("credential_served", "giver")]
    giver.refuses = CredentialRefused("status 500")
    giver.now += LIFE
    for _ in range(2):
        with pytest.raises(TransportFailure):
            await giver.given()
    assert giver.told[1:] == [("credential_refused", "no credential from giver: status 500")]
    giver.keeper.close()


async def test_no_secret_is_shown_by_what_holds_it() -> None:
    giver = Giver()
    await giver.given()
    lease = giver.keeper._lease
    assert "secret-1" not in f"{lease!r}{giver.keeper!r}{vars(giver.keeper)!r}"
    giver.keeper.close()


async def test_a_credential_that_is_not_believed_is_fetched_anew_once_a_minute() -> None:
    giver = Giver()
    giver.keeper.doubt()
    assert giver.keeper._flight is None, "there is nothing to doubt"
    await giver.given()
    giver.keeper.doubt()
    assert giver.keeper._flight is None, "it was fetched just now"
    giver.now += DOUBTED_MIN
    giver.keeper.doubt()
    await settled(giver, 2)
    assert await giver.given() == "secret-2"
    giver.refuses = CredentialRefused("status 500")
    giver.now += DOUBTED_MIN
    for _ in range(3):
        giver.keeper.doubt()
        await asyncio.sleep(0.02)
    assert giver.told[1:] == [("credential_refused", "no credential from giver: status 500")]
    assert await giver.given() == "secret-2", "it is valid, whatever one engine thinks of it"
    assert giver.keeper._flight is None
    giver.keeper.close()
