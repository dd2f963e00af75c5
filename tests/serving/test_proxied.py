"""A whole gateway behind a forward proxy: the prompt goes through it, and the record says so."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from gateway.audit.record import Attempted
from gateway.transport.call import Address
from tests.doubles.certificates import TestAuthority
from tests.doubles.connect_proxy import ConnectProxy
from tests.doubles.far_engine import HOST, far_engine
from tests.doubles.gateway_folders import Template, ran, started
from tests.doubles.ledger_sight import records
from tests.doubles.running_gateway import RunningGateway
from tests.doubles.serving_house import OPENAI, House

CANARY = "canary-7b1f"


@contextmanager
def a_proxy(leads_to: Address) -> Iterator[ConnectProxy]:
    loop, proxy = asyncio.new_event_loop(), ConnectProxy(leads_to, wants="us:secret")
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    asyncio.run_coroutine_threadsafe(proxy.__aenter__(), loop).result(10)
    try:
        yield proxy
    finally:
        asyncio.run_coroutine_threadsafe(proxy.__aexit__(None, None, None), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()


def behind(template: Template, folder: Path, address: Address, exits: str) -> RunningGateway:
    """Return a gateway whose frontier is reached as `exits` says."""
    (folder / "proxy.secret").write_text("us:secret\n")
    (folder / "proxy.secret").chmod(0o600)
    more = f"secrets: {{corp: {{file: {folder / 'proxy.secret'}}}}}"
    backends = {"far": ("scripted", f"https://{address.ip}:{address.port}", "frontier")}
    gateway = template.copy(folder / "node", backends, more=more)
    path = gateway.folder / "models" / "backends.yaml"
    text = path.read_text().replace("zone: frontier}", "zone: frontier, server_name: far.test}")
    path.write_text(f"{text}zones:\n  frontier: {exits}\n")
    return gateway


def test_adv_49_a_prompt_goes_through_the_proxy_of_its_zone_and_the_record_says_so(
    template: Template, tmp_path: Path
) -> None:
    authority = TestAuthority(tmp_path)
    with far_engine(authority) as engine, a_proxy(engine.address) as proxy:
        exits = (
            f"{{proxy: 'http://127.0.0.77:{proxy.port}', proxy_addresses: [127.0.0.77/32],"
            f" proxy_secret: corp, ca_file: {authority.ca_file}}}"
        )
        gateway = behind(template, tmp_path, engine.address, exits)
        told = ran("check", str(gateway.node)).out
        assert f"egress far: 127.0.0.77:{proxy.port}, the proxy of zone frontier\n" in told
        with started(gateway):
            heard = House(gateway, {}).ask(OPENAI, OPENAI.body(CANARY))
            assert heard.status == 200, heard.body
        attempted = [one for one in records(gateway) if isinstance(one, Attempted)]
        assert [one.via_proxy for one in attempted] == [f"127.0.0.77:{proxy.port}"]
        assert [one.host for one in attempted] == [f"{engine.address.ip}:{engine.address.port}"]
        assert set(proxy.asked_for) == {f"{engine.address.ip}:{engine.address.port}"}
        assert any(CANARY.encode() in body for body in engine.bodies)
        assert CANARY.encode() not in bytes(proxy.passed)
        assert ran("verify", str(gateway.ledger)).code == 0


def test_a_proxy_that_cannot_be_used_is_a_problem_of_check(
    template: Template, tmp_path: Path
) -> None:
    engine = Address(HOST, 9)
    outside = "{proxy: 'http://192.0.2.1:3128', proxy_addresses: [192.0.2.0/24]}"
    done = ran("check", str(behind(template, tmp_path, engine, outside).node))
    assert done.code == 2
    assert "a demo talks to loopback addresses only" in done.err


def test_a_secret_that_is_no_user_and_password_is_a_problem_of_check(
    template: Template, tmp_path: Path
) -> None:
    exits = "{proxy: 'http://127.0.0.77:9', proxy_addresses: [127.0.0.77/32], proxy_secret: corp}"
    gateway = behind(template, tmp_path, Address(HOST, 9), exits)
    (tmp_path / "proxy.secret").write_text("nobody\n")
    done = ran("check", str(gateway.node))
    assert done.code == 2
    assert "/zones/frontier/proxy_secret: the secret of a proxy is user:password" in done.err
    assert "nobody" not in done.err
