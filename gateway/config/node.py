"""Reading the node file: types first, then what types cannot say."""

from collections.abc import Iterator
from ipaddress import ip_address, ip_network
from os.path import normpath
from pathlib import Path
from typing import Any, TypeVar

from msgspec import Struct
from msgspec.structs import asdict, replace

from gateway.config.anchors import anchor_faults
from gateway.config.decode import decode
from gateway.config.files import escape, load
from gateway.config.issuers import issuer_faults
from gateway.config.settings import DataListener, Paths, SecretSource, Settings, Timeouts
from gateway.config.version import check_version
from gateway.domain.document import Document
from gateway.domain.errors import ConfigError, Problem

DEMO_PREFIX = "demo/"
NO_SUBJECTS = frozenset(
    {"authorization", "x-api-key", "x-goog-api-key", "api-key", "host", "x-forwarded-for"}
)
PREFIX_MIN = {4: 8, 6: 7}
SALVAGED: dict[str, Any] = {"paths": Paths, "demo": bool, "secrets": dict[str, SecretSource]}
S = TypeVar("S", bound=Struct)


class Node(Struct, frozen=True):
    """The settings of a node, and the document that they came from (for lines of problems)."""

    settings: Settings
    document: Document


def load_node(path: Path) -> Node:
    """Read the node file; ConfigError carries all its problems."""
    document = load(path)
    problems: list[Problem] = []
    settings = read_settings(document, path.parent, problems)
    if settings is None or problems:
        raise ConfigError(tuple(sorted(problems, key=lambda problem: problem.line)))
    return Node(settings, document)


def salvaged(path: Path) -> Node | None:
    """Return what a node file with problems still says of other files, so that these are checked.

    None when paths, demo or secrets cannot be read: nothing that is said without them would hold.
    """
    try:
        document = load(path)
    except ConfigError:
        return None
    value = document.value
    given = [name for name in SALVAGED if isinstance(value, dict) and name in value]
    problems: list[Problem] = []
    kept: dict[str, Any] = {
        name: decode(document, SALVAGED[name], problems, f"/{name}") for name in given
    }
    if problems:
        return None
    return Node(_placed(Settings(origin="", **kept), path.parent.absolute()), document)


def read_settings(document: Document, folder: Path, problems: list[Problem]) -> Settings | None:
    """Return the settings with absolute paths, or None with their problems added."""
    body = check_version(document, problems)
    settings = decode(body, Settings, problems)
    if settings is None:
        return None
    found = list(_problems(document, settings))
    placed = _placed(settings, folder.absolute())
    found += _lent(document, placed)
    problems += found
    return None if found else placed


def _problems(document: Document, settings: Settings) -> Iterator[Problem]:
    yield from _demo(document, settings)
    yield from _addresses(document, settings)
    yield from _limits(document, settings)
    yield from _same_place(document, settings.paths)
    yield from _sources(document, settings)
    for place, fault in issuer_faults(settings.issuers):
        yield document.problem(f"/issuers/{place}", fault)
    yield from _anchors(document, settings)


def _anchors(document: Document, settings: Settings) -> Iterator[Problem]:
    for place, fault in anchor_faults(settings.anchors):
        yield document.problem(f"/anchors/{place}", fault)
    for name, one in settings.anchors.object_locks.items():
        if one.secret not in settings.secrets:
            pointer = f"/anchors/object_locks/{name}/secret"
            yield document.problem(pointer, "names no secret of this file")


def _demo(document: Document, settings: Settings) -> Iterator[Problem]:
    if settings.demo != settings.origin.startswith(DEMO_PREFIX):
        yield document.problem(
            "/origin", f"`{DEMO_PREFIX}...` is the origin of a demo, and of nothing else"
        )
    listeners = settings.listeners
    for name, host in (("data", listeners.data.host), ("admin", listeners.admin.host)):
        if settings.demo and _is_address(host) and not ip_address(host).is_loopback:
            yield document.problem(
                f"/listeners/{name}/host", "a demo listens on a loopback address only"
            )


def _addresses(document: Document, settings: Settings) -> Iterator[Problem]:
    data, admin = settings.listeners.data, settings.listeners.admin
    for name, host in (("data", data.host), ("admin", admin.host)):
        if not _is_address(host):
            what = "must be an IP address"
            yield document.problem(f"/listeners/{name}/host", what, "127.0.0.1, ::1, 0.0.0.0")
    if data.port == admin.port != 0 and data.host == admin.host:
        yield document.problem("/listeners/admin/port", "is the port of the data listener")
    for number, block in enumerate(data.trusted_proxies):
        complaint = _block_complaint(block)
        if complaint:
            yield document.problem(f"/listeners/data/trusted_proxies/{number}", complaint)
    yield from _certificates(document, data)
    for number, block in enumerate(data.anonymous.networks if data.anonymous else ()):
        complaint = _block_complaint(block) or _wide_complaint(block)
        if complaint:
            yield document.problem(f"/listeners/data/anonymous/networks/{number}", complaint)


def _certificates(document: Document, data: DataListener) -> Iterator[Problem]:
    tls, header = data.tls, data.subject_header
    if tls is not None and tls.client_ca is None and tls.client_certificate == "optional":
        pointer = "/listeners/data/tls/client_certificate"
        yield document.problem(pointer, "is said without `client_ca`")
    if header is not None and not data.trusted_proxies:
        what = "would never be read: `trusted_proxies` lists nobody"
        yield document.problem("/listeners/data/subject_header", what)
    if header is not None and header.name in NO_SUBJECTS:
        what = "is a header that says something else"
        yield document.problem("/listeners/data/subject_header/name", what)


def _limits(document: Document, settings: Settings) -> Iterator[Problem]:
    data = settings.listeners.data
    if data.connections_per_peer_max > data.connections_max:
        pointer = "/listeners/data/connections_per_peer_max"
        yield document.problem(pointer, "is more than connections_max")
    yield from _waits(document, settings.timeouts)


def _waits(document: Document, timeouts: Timeouts) -> Iterator[Problem]:
    for name in ("connect_ms", "first_byte_ms", "idle_ms"):
        if getattr(timeouts, name) > timeouts.total_ms:
            yield document.problem(f"/timeouts/{name}", "is more than total_ms")


def _same_place(document: Document, paths: Paths) -> Iterator[Problem]:
    seen: dict[Path, str] = {}
    for name, path in asdict(paths).items():
        if path is None:
            continue
        if path in seen:
            yield document.problem(f"/paths/{name}", f"is the same place as `{seen[path]}`")
        seen.setdefault(path, name)


def _lent(document: Document, settings: Settings) -> Iterator[Problem]:
    """Name what would lie in a folder that others may read."""
    if settings.ledger.readers is None:
        return
    lent = Path(normpath(settings.paths.ledger))
    for name, path in asdict(settings.paths).items():
        if path is not None and name != "ledger" and Path(normpath(path)).is_relative_to(lent):
            what = "lies in the ledger's folder, which `ledger.readers` may read"
            yield document.problem(f"/paths/{name}", what)


def _sources(document: Document, settings: Settings) -> Iterator[Problem]:
    for name, source in settings.secrets.items():
        if (source.file is None) == (source.env is None):
            yield document.problem(f"/secrets/{escape(name)}", "give either `file` or `env`")


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


def _block_complaint(text: str) -> str:
    try:
        block = ip_network(text)
    except ValueError:
        return "must be a CIDR block such as 10.0.0.0/8, without host bits"
    return "trusts every peer" if block.prefixlen == 0 else ""


def _wide_complaint(text: str) -> str:
    """Say so when a block is wider than the widest that is private."""
    block = ip_network(text)
    least = PREFIX_MIN[block.version]
    what = f"is too wide: {least} bits of prefix at the least"
    return what if block.prefixlen < least else ""


def _placed(value: S, folder: Path) -> S:
    """Return the same value with every path made absolute."""
    return replace(value, **{name: _moved(old, folder) for name, old in asdict(value).items()})


def _moved(value: Any, folder: Path) -> Any:  # noqa: ANN401  # any field of any settings type
    if isinstance(value, Path):
        return folder / value
    if isinstance(value, dict):
        return {key: _moved(member, folder) for key, member in value.items()}
    return _placed(value, folder) if isinstance(value, Struct) else value
