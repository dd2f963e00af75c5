"""Certificate, key and client CA of a listener: tried before they are used, read again later."""

import asyncio
import contextlib
import ssl

from gateway.config.settings import Tls

TLS_LOOK_S = 10.0


def fault_of(tls: Tls) -> str:
    """Return why the files are no use; empty when they are."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    try:
        # WHY: without a password OpenSSL would ask for one at the terminal.
        context.load_cert_chain(tls.certificate, tls.key, password="")
    except OSError as error:
        return f"{tls.certificate} and {tls.key} are no certificate with its key: {_reason(error)}"
    try:
        if tls.client_ca is not None:
            context.load_verify_locations(tls.client_ca)
    except OSError as error:
        return f"{tls.client_ca} holds no certificate: {_reason(error)}"
    return ""


async def watch_certificate(tls: Tls, context: ssl.SSLContext, again: asyncio.Event) -> None:
    """Read certificate and key again when they change, or when `again` is set; never return."""
    seen = _stamp(tls)
    while True:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(TLS_LOOK_S):
                await again.wait()
        now = _stamp(tls)
        if now == seen and not again.is_set():
            continue
        again.clear()
        # WHY: a pair that does not fit, half-written for example, would leave the listener's own
        # context without a key; it is read again at the next look.
        if fault_of(tls):
            continue
        with contextlib.suppress(OSError):
            context.load_cert_chain(tls.certificate, tls.key)
            seen = now


def _stamp(tls: Tls) -> tuple[int, int]:
    try:
        return tls.certificate.stat().st_mtime_ns, tls.key.stat().st_mtime_ns
    except OSError:
        return (0, 0)


def _reason(error: OSError) -> str:
    if isinstance(error, ssl.SSLError):
        return error.reason or "not in PEM form"
    return error.strerror or type(error).__name__
