"""Reading `zones` of `backends.yaml`: through which proxy a zone is reached, whom we believe."""

from collections.abc import Iterator, Mapping
from ipaddress import ip_network
from pathlib import Path

from msgspec import Struct

from gateway.config.entries import decode_entries
from gateway.config.files import escape
from gateway.config.fleet_files import BackendsFile, ExitEntry
from gateway.config.nearest import guess
from gateway.config.origins import BadOriginError, Origin, read_origin
from gateway.domain.document import Document
from gateway.domain.errors import Problem


class Forward(Struct, frozen=True):
    """A forward proxy: where it is, the CIDR blocks of its host, and the name of its secret.

    `ca_file` is the only CA that is believed behind it, where the zone names one.
    """

    origin: Origin
    addresses: tuple[str, ...]
    secret: str | None = None
    ca_file: Path | None = None


class Exit(Struct, frozen=True):
    """How a zone is reached: directly without a proxy, trusting public CAs without a CA file."""

    proxy: Forward | None = None
    ca_file: Path | None = None


class Names(Struct, frozen=True):
    """Zones and secrets that other files know; None leaves that check to somebody else."""

    zones: frozenset[str] | None = None
    secrets: frozenset[str] | None = None


def read_exits(
    document: Document, names: Names, folder: Path, problems: list[Problem]
) -> dict[str, Exit]:
    """Return the exits by zone; add the problems of those that are wrong.

    The problems of the file's form are told by whoever reads its backends.
    """
    entries: Mapping[str, ExitEntry] = decode_entries(
        document, BackendsFile, "zones", ExitEntry, []
    )
    found: dict[str, Exit] = {}
    for zone, entry in entries.items():
        at = f"/zones/{escape(zone)}"
        complaints = [*_complaints(entry, zone, names, document)]
        ca_file = None if entry.ca_file is None else folder.absolute() / entry.ca_file
        proxy = None
        if entry.proxy is not None:
            try:
                origin = _proxy_origin(entry.proxy)
            except BadOriginError as error:
                complaints.append(document.problem(f"{at}/proxy", str(error), error.hint))
            else:
                proxy = Forward(origin, entry.proxy_addresses, entry.proxy_secret, ca_file)
        found[zone] = Exit(proxy, ca_file)
        problems += complaints
    return found


def _proxy_origin(text: str) -> Origin:
    origin = read_origin(text)
    if origin.tls:
        raise BadOriginError("a proxy is spoken to in http", "TLS with the engine is inside")
    return origin


def _complaints(entry: ExitEntry, zone: str, names: Names, document: Document) -> Iterator[Problem]:
    at = f"/zones/{escape(zone)}"
    if names.zones is not None and zone not in names.zones:
        yield document.problem(at, "the policy has no such zone", guess(zone, names.zones))
    if entry.proxy is not None and not entry.proxy_addresses:
        yield document.problem(at, "a proxy states its addresses", "such as [10.20.0.7/32]")
    for name in ("proxy_addresses", "proxy_secret"):
        if entry.proxy is None and getattr(entry, name):
            yield document.problem(f"{at}/{name}", "means nothing without a proxy")
    for number, block in enumerate(entry.proxy_addresses):
        if not _is_block(block):
            what = "not a CIDR block, or every address there is"
            yield document.problem(f"{at}/proxy_addresses/{number}", what)
    secret = entry.proxy_secret
    if secret is not None and names.secrets is not None and secret not in names.secrets:
        hint = guess(secret, names.secrets)
        yield document.problem(f"{at}/proxy_secret", "the node file has no such secret", hint)


def _is_block(text: str) -> bool:
    try:
        return "/" in text and ip_network(text).prefixlen > 0
    except ValueError:
        return False
