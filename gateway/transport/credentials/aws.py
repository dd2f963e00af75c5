"""Where an AWS backend's credential comes from, as the fleet file states it."""

import re
from collections.abc import Callable
from datetime import datetime

from gateway.domain.secret import Secret
from gateway.transport.aws_partition import partition, regional
from gateway.transport.credentials import (
    DIRECT,
    Lease,
    Settings,
    Source,
    WayOut,
    aws_machine,
    sigv4,
    sts,
)
from gateway.transport.credentials.messenger import origin

Fetch = Callable[[datetime], Lease]

KIND = "credentials"
KEY = "key"
WEB_IDENTITY = "web_identity"
POD_IDENTITY = "pod_identity"
INSTANCE = "instance"
ROLE = "role_arn"
ASSUMED = "assume_role_arn"
EXTERNAL_ID = "external_id"
TOKEN_FILE = "token_file"  # noqa: S105 - the name of a setting
URL = "credentials_url"
STS_URL = "sts_url"

_ARN = re.compile(r"arn:(aws(?:-[a-z]+)*):iam::[0-9]{12}:role/[A-Za-z0-9+=,.@_/-]{1,576}")
_EXTERNAL_ID = re.compile(r"[A-Za-z0-9+=,.@:/_-]{2,1224}")
# What each kind of credential takes: settings that it needs, and settings that it may have.
_TAKES: dict[str, tuple[frozenset[str], frozenset[str]]] = {
    KEY: (frozenset(), frozenset()),
    WEB_IDENTITY: (frozenset({ROLE, TOKEN_FILE}), frozenset({STS_URL})),
    POD_IDENTITY: (frozenset(), frozenset({URL, TOKEN_FILE})),
    INSTANCE: (frozenset(), frozenset({URL})),
}
KNOWN = frozenset({KIND, ROLE, ASSUMED, EXTERNAL_ID, TOKEN_FILE, URL, STS_URL})


def faults(settings: Settings) -> tuple[str, ...]:
    """Return what is wrong with the settings that say where the credential comes from."""
    kind = settings.get(KIND, KEY)
    if kind not in _TAKES:
        return (f"{KIND} is one of {', '.join(_TAKES)}",)
    needs, may = _TAKES[str(kind)]
    assumed = {ASSUMED, EXTERNAL_ID, STS_URL} if ASSUMED in settings else {ASSUMED}
    given = KNOWN & settings.keys() - {KIND}
    found = [
        f"{name}: means nothing with `{KIND}: {kind}`" for name in given - needs - may - assumed
    ]
    found += [f"`{KIND}: {kind}` needs {name}" for name in needs - given]
    found += [fault for name in given if (fault := _fault(name, settings))]
    return tuple(sorted(found))


def source(secret: Secret | None, settings: Settings, way_out: WayOut = DIRECT) -> Source | None:
    """Return what fetches the credential; None where the secret is used as it is.

    ValueError when the settings are wrong, or a secret stands where none would be used.
    """
    wrong = faults(settings)
    if wrong:
        raise ValueError(wrong[0])
    kind = _text(settings, KIND, KEY)
    if kind == KEY and ASSUMED not in settings:
        return None
    if (secret is None) is (kind == KEY):
        needs = "a secret" if kind == KEY else "no secret"
        raise ValueError(f"`{KIND}: {kind}` takes {needs}")
    if secret is not None and sigv4.api_key(secret):
        raise ValueError("an API key assumes no role")
    first, hosts = _FIRST[kind](secret, settings, way_out)
    if ASSUMED not in settings:
        return Source(kind, hosts, first)
    role = _role(settings, ASSUMED, way_out)

    def fetch(now: datetime) -> Lease:
        return sts.by_key(role, first(now).secret, now)

    return Source(f"{kind}, then assume_role", (*hosts, role.url), fetch)


def _from_key(
    secret: Secret | None, _settings: Settings, _way_out: WayOut
) -> tuple[Fetch, tuple[str, ...]]:
    held = secret or Secret("")
    return lambda now: Lease(held, now), ()


def _from_web(
    _secret: Secret | None, settings: Settings, way_out: WayOut
) -> tuple[Fetch, tuple[str, ...]]:
    role, token_file = _role(settings, ROLE, way_out), _text(settings, TOKEN_FILE)
    return lambda _now: sts.by_token(role, aws_machine.token_of(token_file)), (role.url,)


def _from_pod(
    _secret: Secret | None, settings: Settings, _way_out: WayOut
) -> tuple[Fetch, tuple[str, ...]]:
    url, token_file = _text(settings, URL, aws_machine.POD_URL), _text(settings, TOKEN_FILE)
    return lambda _now: aws_machine.pod(url, token_file), (origin(url),)


def _from_instance(
    _secret: Secret | None, settings: Settings, _way_out: WayOut
) -> tuple[Fetch, tuple[str, ...]]:
    url = _text(settings, URL, aws_machine.INSTANCE_URL)
    return lambda _now: aws_machine.instance(url), (origin(url),)


def _role(settings: Settings, name: str, way_out: WayOut) -> sts.Role:
    region = _text(settings, sigv4.REGION)
    url = _text(settings, STS_URL) or regional(sts.SERVICE, region)
    external_id = _text(settings, EXTERNAL_ID) if name == ASSUMED else ""
    return sts.Role(_text(settings, name), url, region, external_id, way_out)


def _text(settings: Settings, name: str, otherwise: str = "") -> str:
    value = settings.get(name, otherwise)
    return value if isinstance(value, str) else ""


def _fault(name: str, settings: Settings) -> str:
    value = settings[name]
    if not isinstance(value, str) or not value:
        return f"{name} is text"
    if name in {ROLE, ASSUMED}:
        arn = _ARN.fullmatch(value)
        if arn is None or arn[1] != partition(_text(settings, sigv4.REGION)):
            return f"{name} is the ARN of a role in the region's partition"
    if name == TOKEN_FILE and not value.startswith("/"):
        return f"{name} is an absolute path"
    if name == EXTERNAL_ID and not _EXTERNAL_ID.fullmatch(value):
        return f"{name} is no external id"
    return _url_fault(name, value) if name in {URL, STS_URL} else ""


def _url_fault(name: str, value: str) -> str:
    try:
        plain = origin(value)
    except ValueError as error:
        return f"{name}: {error}"
    return f"{name} is scheme, host and port alone" if name == STS_URL and plain != value else ""


_FIRST = {
    KEY: _from_key,
    WEB_IDENTITY: _from_web,
    POD_IDENTITY: _from_pod,
    INSTANCE: _from_instance,
}
