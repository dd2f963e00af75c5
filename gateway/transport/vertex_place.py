"""Where a Vertex backend may be, and which names of models may stand in its paths."""

import re
from datetime import date

from gateway.domain.fleet import Offering
from gateway.policy.regions import EU, GOOGLE_REGIONS
from gateway.transport.backend import Telling, no_fields
from gateway.transport.credentials import Fields, Settings, google
from gateway.transport.credentials.messenger import origin
from gateway.transport.guard import Place
from gateway.transport.residency import listed

PROJECT = "project"
LOCATION = "location"
USER_PROJECT = "user_project"
PRIVATE = "private_endpoint"
BETAS = "betas"
KNOWN = frozenset({PROJECT, LOCATION, USER_PROJECT, PRIVATE, BETAS}) | google.KNOWN | listed.KNOWN
GLOBAL = "global"
MODEL_CHARS_MAX = 255
QUOTA_FIELD = "x-goog-user-project"
MULTI_REGIONS = {"us": frozenset({"US"}), "eu": EU}

_GOOGLE = re.compile(r"(?:.*\.)?googleapis\.com")
# Private Service Connect gives an endpoint a name of its own below this one.
_PRIVATE_CONNECT = re.compile(r"aiplatform-[a-z0-9-]+\.p\.googleapis\.com")
_PROJECT = re.compile(r"(?:[a-z0-9.-]{1,253}:)?[a-z][a-z0-9-]{4,28}[a-z0-9]|[0-9]{6,20}")
_WORD = r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?"
_MODEL = re.compile(rf"{_WORD}(?:@[A-Za-z0-9-]+)?")
_PUBLISHED = re.compile(rf"{_WORD}/{_WORD}(?:@[A-Za-z0-9-]+)?")


def host_of(location: str) -> str:
    """Return the host that answers for a location: the world, a multi-region or one region."""
    if location == GLOBAL:
        return "aiplatform.googleapis.com"
    if location in MULTI_REGIONS:
        return f"aiplatform.{location}.rep.googleapis.com"
    return f"{location}-aiplatform.googleapis.com"


def faults(place: Place, settings: Settings) -> tuple[tuple[str, str], ...]:
    """Return what is wrong with the place of a Vertex backend, each with the field's name.

    INVARIANT: the location that stands in the path is the one that the host answers for. A host
    that names none is used only where the fleet file says `private_endpoint: true`.
    """
    found = [("settings", f"{name}: no such setting") for name in settings if name not in KNOWN]
    found += [("settings", fault) for fault in _setting_faults(settings)]
    location = settings.get(LOCATION)
    if isinstance(location, str) and _is_location(location):
        found += [("url", fault) for fault in _host_faults(place, location, settings)]
    if place.scheme != "https" and not place.host.startswith("127."):
        found.append(("url", "a token is for https; http is for loopback alone"))
    return tuple(found)


def anywhere(_offering: Offering, settings: Settings) -> bool:
    """May any region answer? That is what `global` means."""
    return settings.get(LOCATION) == GLOBAL


def stands(_offering: Offering, settings: Settings) -> frozenset[str] | None:
    """Return the countries of the location, None for the world."""
    location = str(settings.get(LOCATION))
    country = GOOGLE_REGIONS.get(location)
    return MULTI_REGIONS.get(location) if country is None else frozenset({country})


def refuses(name: str) -> str | None:
    """Return why a model of that name is never asked for, or None."""
    known = _PUBLISHED if "/" in name else _MODEL
    if len(name) > MODEL_CHARS_MAX or not known.fullmatch(name) or ".." in name:
        return "no model of Vertex: `name`, `name@version` or `publisher/name`"
    if not any(is_of(name) for is_of in (is_claude, is_published, is_mistral, is_gemini)):
        return "no model of a publisher that is known: write `publisher/name`"
    return None


def is_claude(name: str) -> bool:
    """Is it a model of Anthropic's?"""
    return name.startswith("claude-")


def is_published(name: str) -> bool:
    """Is it asked for as `publisher/name`, at the endpoint that speaks OpenAI's chat?"""
    return "/" in name


def is_mistral(name: str) -> bool:
    """Is it a model of Mistral's, asked for by its own name?"""
    return name.startswith(("mistral-", "codestral-"))


def is_gemini(name: str) -> bool:
    """Is it a model of Google's own, asked for by its own name?"""
    return name.startswith("gemini-")


def quota(telling: Telling) -> tuple[Fields, tuple[str, ...]]:
    """Return the field that names the project whose quota is used, where one is stated."""
    project = telling.settings.get(USER_PROJECT)
    _, lost = no_fields(telling)
    return (((QUOTA_FIELD, str(project)),) if project else ()), lost


def unlisted(offering: Offering, settings: Settings, today: date) -> str:
    """Return why nobody promises that the model runs in the location; empty where somebody does.

    The world is promised nothing, and needs nothing.
    """
    if settings.get(LOCATION) == GLOBAL:
        return ""
    return listed.unlisted(offering, settings, today, listed.shipped())


def _setting_faults(settings: Settings) -> list[str]:
    found = []
    for name in (PROJECT, USER_PROJECT):
        value = settings.get(name)
        missing = value is None and name == USER_PROJECT
        if not missing and not (isinstance(value, str) and _PROJECT.fullmatch(value)):
            found.append(f"{name} is the id or number of a project")
    location = settings.get(LOCATION)
    if not isinstance(location, str) or not _is_location(location):
        found.append("state the location: a region of Google Cloud, us, eu, or global")
    if not isinstance(settings.get(PRIVATE, False), bool):
        found.append(f"{PRIVATE} is true or false")
    found += [
        f"{name} is text"
        for name in (BETAS, google.METADATA_URL, google.TOKEN_HOSTS, google.AWS_REGION)
        if not isinstance(settings.get(name, ""), str)
    ]
    return found + _url_faults(settings) + listed.faults(settings)


def _url_faults(settings: Settings) -> list[str]:
    found = []
    urls = [(google.METADATA_URL, str(settings.get(google.METADATA_URL, "")))]
    urls += [(google.TOKEN_HOSTS, url) for url in str(settings.get(google.TOKEN_HOSTS, "")).split()]
    for name, url in urls:
        if not url:
            continue
        try:
            plain = origin(url) == url
        except ValueError:
            plain = False
        if not plain:
            found.append(f"{name}: scheme, host and port alone; http is for loopback and metadata")
    return found


def _host_faults(place: Place, location: str, settings: Settings) -> list[str]:
    host = host_of(location)
    if place.host == host:
        return []
    if _PRIVATE_CONNECT.fullmatch(place.host) or not _GOOGLE.fullmatch(place.host):
        if settings.get(PRIVATE) is True:
            return []
        return [f"the host names no location; say `{PRIVATE}: true` if it is yours"]
    return [f"the host of this location is {host}"]


def _is_location(location: str) -> bool:
    return location == GLOBAL or location in MULTI_REGIONS or location in GOOGLE_REGIONS
