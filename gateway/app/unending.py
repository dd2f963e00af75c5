"""Work that goes on as long as the gateway does: when it fails, it is told of and begun again."""

import asyncio
from collections.abc import Awaitable, Callable

from gateway.meters.logs import logger

AGAIN_S = 1.0
Work = Callable[[], Awaitable[None]]


async def unending(work: Work, named: str) -> None:
    """Do the work, and begin it anew when it fails, until cancelled or done.

    WHY: a watcher that ended in silence would leave a zone that nobody can close any more.
    """
    while True:
        try:
            await work()
        except Exception as error:  # noqa: BLE001 - whatever it was, the work goes on
            logger().error("watcher_failed", what=named, kind=type(error).__name__)
            await asyncio.sleep(AGAIN_S)
        else:
            return
