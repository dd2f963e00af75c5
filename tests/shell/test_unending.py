"""A watcher that fails is told of and begun again; one that is cancelled, or done, is not."""

import asyncio

import pytest

from gateway.app import unending as module
from gateway.app.unending import unending

pytestmark = pytest.mark.anyio


class Work:
    def __init__(self, failures: int) -> None:
        self.left, self.begun = failures, 0

    async def __call__(self) -> None:
        self.begun += 1
        if self.left:
            self.left -= 1
            raise KeyError("of whatever kind")


async def test_work_that_fails_is_begun_again_until_it_is_done(monkeypatch) -> None:
    monkeypatch.setattr(module, "AGAIN_S", 0)
    work = Work(3)
    await unending(work, "approvals")
    assert work.begun == 4


async def test_what_is_cancelled_stays_so() -> None:
    task = asyncio.create_task(unending(asyncio.Event().wait, "approvals"))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
