"""A gateway from start to stop: open, listen, drain, settle, close."""

import asyncio
import signal
from collections.abc import Callable
from functools import partial

from msgspec import Struct

from gateway.app.anchoring import anchoring_of, anchors_of
from gateway.app.certificates import watch_certificate
from gateway.app.doors import STALL_MS_MAX, AdminDoor, data_application
from gateway.app.issuing import IssuerKeys
from gateway.app.key_reload import watch_keys
from gateway.app.listeners import Listener, QuietServer, bind, server_of
from gateway.app.loading import Loaded
from gateway.app.making import Made, ledger_paths, make
from gateway.app.queries import Queries
from gateway.app.reloading import Reloader
from gateway.app.unending import Work, unending
from gateway.config.node import Node
from gateway.meters.logs import logger
from gateway.surfaces.front import Front
from gateway.surfaces.protocol import ConnectionLimits, Connections

HEADER_BYTES_MAX = 64 * 1024
ADMIN_CONNECTIONS_MAX = 64
ADMIN_HEADER_MS_MAX = 5_000
SETTLE_S_MAX = 10.0
STARTED_POLL_S = 0.005


class Addresses(Struct, frozen=True):
    """Where the gateway listens."""

    data: str
    admin: str


async def serve(
    loaded: Loaded, again: Callable[[Node], Loaded], announce: Callable[[Addresses], None]
) -> None:
    """Run until SIGTERM or SIGINT; raises OSError when an address cannot be listened on.

    `again(node)` reads anew what that node names, when the files have changed.
    """
    settings = loaded.node.settings
    data_socket = bind(settings.listeners.data.host, settings.listeners.data.port)
    admin_socket = bind(settings.listeners.admin.host, settings.listeners.admin.port)
    made = await make(loaded)
    front = data_application(made)
    reloader = Reloader(made, again)
    admin = AdminDoor(made, front, reloader.notices)
    servers = (_data_server(made, front), _admin_server(made, admin))
    stop, hangups = asyncio.Event(), (asyncio.Event(), asyncio.Event())
    _on_signals(stop, hangups)
    running = [
        asyncio.create_task(servers[0].serve([data_socket])),
        asyncio.create_task(servers[1].serve([admin_socket])),
    ]
    works: dict[str, Work] = {
        "credentials": made.sender.fetch_ahead,
        "probes": admin.first_probes,
        "residency": made.residency.run,
        "keys": partial(watch_keys, made.key_file),
        "approvals": partial(made.stewards.watch, settings.paths.approvals),
        "policy": partial(reloader.watch, hangups[0]),
        "validity": made.validity.watch,
        "queries": Queries(made.ledger, ledger_paths(settings.paths).folder.queries).watch,
        "erasures": made.stewards.acting.watch,
        **_anchors(made),
        **_issuers(made),
        **_certificates(made, servers[0], hangups[1]),
    }
    watching = [asyncio.create_task(unending(work, name)) for name, work in works.items()]
    await _started(servers, running)
    scheme = "https" if settings.listeners.data.tls is not None else "http"
    announce(
        Addresses(_url(scheme, data_socket.getsockname()), _url("http", admin_socket.getsockname()))
    )
    await _until_stopped(stop, running)
    await _no_longer(watching)
    await _stop(made, front, servers, running)


async def _no_longer(watching: list[asyncio.Task[None]]) -> None:
    """End what may write records of its own while the ledger is still open."""
    for task in watching:
        task.cancel()
    await asyncio.gather(*watching, return_exceptions=True)


async def _stop(
    made: Made, front: Front, servers: tuple[QuietServer, ...], running: list[asyncio.Task[None]]
) -> None:
    """Take no new requests, let the open ones end, settle every one, then close.

    The admin listener stays until the data listener has drained.
    """
    logger().info("draining", in_flight=front.in_flight)
    front.draining = True
    for server, task in zip(servers, running, strict=True):
        server.should_exit = True
        await asyncio.gather(task, return_exceptions=True)
    settled = await made.house.background.drain(SETTLE_S_MAX)
    if not settled:
        logger().error("unsettled_at_stop")
    await made.conversations.close()
    await made.house.background.drain(SETTLE_S_MAX)
    await made.sender.close()
    made.scanner.close()
    await made.ledger.close()
    logger().info("stopped")


def _data_server(made: Made, front: Front) -> QuietServer:
    data = made.loaded.node.settings.listeners.data
    limits = ConnectionLimits(
        header_ms=data.header_ms_max,
        header_bytes_max=HEADER_BYTES_MAX,
        connections_max=data.connections_max,
        connections_per_peer_max=data.connections_per_peer_max,
        message_ms=data.body_ms_max + data.header_ms_max,
        stall_ms=STALL_MS_MAX,
    )
    return server_of(
        Listener(
            application=front,
            host=data.host,
            port=data.port,
            connections=Connections(limits, made.metrics.rejected_connection),
            keep_alive_ms=data.keep_alive_ms,
            drain_ms=made.loaded.node.settings.timeouts.drain_ms,
            tls=data.tls,
        )
    )


def _admin_server(made: Made, admin: AdminDoor) -> QuietServer:
    listener = made.loaded.node.settings.listeners.admin
    limits = ConnectionLimits(
        header_ms=ADMIN_HEADER_MS_MAX,
        header_bytes_max=HEADER_BYTES_MAX,
        connections_max=ADMIN_CONNECTIONS_MAX,
        connections_per_peer_max=ADMIN_CONNECTIONS_MAX,
        message_ms=ADMIN_HEADER_MS_MAX,
        stall_ms=ADMIN_HEADER_MS_MAX,
    )
    return server_of(
        Listener(
            application=admin.application(),
            host=listener.host,
            port=listener.port,
            connections=Connections(limits, made.metrics.rejected_connection),
            keep_alive_ms=ADMIN_HEADER_MS_MAX,
            drain_ms=1_000,
        )
    )


def _anchors(made: Made) -> dict[str, Work]:
    """Return what brings checkpoints outside; nothing where the node file names no place."""
    settings = made.loaded.node.settings
    anchors = dict(anchors_of(settings.anchors, made.loaded.secrets, made.clock))
    if not anchors:
        return {}
    folder = ledger_paths(settings.paths).folder
    anchoring = anchoring_of(settings, anchors, folder, made.ledger)
    anchoring.meters = made.metrics
    return {"anchors": partial(anchoring.run, settings.anchors.every_s)}


def _issuers(made: Made) -> dict[str, Work]:
    """Return the looks at the keys of every issuer; one that nobody knows is looked for at once."""
    settings = made.loaded.node.settings.issuers
    found = {
        name: IssuerKeys(name, one.jwks, made.issuers, made.clock, made.metrics)
        for name, one in settings.items()
    }
    made.issuers.wanted = lambda name: found[name].wanted.set()
    return {f"issuer {name}": one.run for name, one in found.items()}


def _certificates(made: Made, server: QuietServer, again: asyncio.Event) -> dict[str, Work]:
    tls = made.loaded.node.settings.listeners.data.tls
    context = server.config.ssl
    if tls is None or context is None:
        return {}
    return {"certificate": partial(watch_certificate, tls, context, again)}


def _on_signals(stop: asyncio.Event, hangups: tuple[asyncio.Event, ...]) -> None:
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    loop.add_signal_handler(signal.SIGHUP, partial(_set_all, hangups))


def _set_all(events: tuple[asyncio.Event, ...]) -> None:
    for event in events:
        event.set()


async def _started(servers: tuple[QuietServer, ...], running: list[asyncio.Task[None]]) -> None:
    while not all(server.started for server in servers):
        for task in running:
            if task.done():
                task.result()
        await asyncio.sleep(STARTED_POLL_S)


async def _until_stopped(stop: asyncio.Event, running: list[asyncio.Task[None]]) -> None:
    """Wait for a signal; a server that ends by itself also stops the gateway."""
    waiting = asyncio.create_task(stop.wait())
    await asyncio.wait([waiting, *running], return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()


def _url(scheme: str, address: tuple[str, int]) -> str:
    host = f"[{address[0]}]" if ":" in address[0] else address[0]
    return f"{scheme}://{host}:{address[1]}"
