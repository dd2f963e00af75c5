"""The admin listener: alive, ready, metrics."""

from collections.abc import Callable
from typing import Any

import msgspec
from litestar import Litestar, Response, get
from msgspec import Struct

NOT_READY = 503


class Readiness(Struct, frozen=True):
    """May traffic come, and if not, why; `demo` warns that answers are scripted.

    `notices` say what somebody should look at although traffic may come. `policy` is the digest of
    the one in force, as records name it: of two gateways that differ in it, one is behind.
    """

    ready: bool
    reasons: tuple[str, ...] = ()
    demo: bool = False
    notices: tuple[str, ...] = ()
    policy: str = ""


def admin_application(
    readiness: Callable[[], Readiness], metrics: Callable[[], tuple[bytes, str]]
) -> Litestar:
    """Return the application of the admin listener."""

    @get("/livez")
    async def livez() -> Response[bytes]:
        return Response(b"ok\n", media_type="text/plain")

    @get("/readyz")
    async def readyz() -> Response[bytes]:
        state = readiness()
        status = 200 if state.ready else NOT_READY
        body: Any = msgspec.json.encode(state)
        return Response(body, status_code=status, media_type="application/json")

    @get("/metrics")
    async def metrics_page() -> Response[bytes]:
        page, content_type = metrics()
        return Response(page, media_type=content_type)

    return Litestar(
        route_handlers=[livez, readyz, metrics_page], openapi_config=None, logging_config=None
    )
