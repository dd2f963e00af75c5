"""Where a Bedrock backend may be, and which names of models may stand in its paths."""

import re
from urllib.parse import urlsplit

from gateway.policy.regions import AWS_REGIONS
from gateway.transport.aws_partition import PARTITIONS, is_region, regional, suffixes
from gateway.transport.credentials import Settings, aws
from gateway.transport.credentials.messenger import origin
from gateway.transport.credentials.sigv4 import REGION
from gateway.transport.guard import SCHEMES, Place

PRIVATE = "private_endpoint"
CONTROL = "control_url"
COMPATIBLE = "compatible"
BETAS = "betas"
RETENTION = "retention"
RETENTIONS = ("none", "default", "aws_review", "provider_data_share", "inherit")
KNOWN = frozenset({REGION, PRIVATE, CONTROL, COMPATIBLE, BETAS, RETENTION}) | aws.KNOWN
MODEL_CHARS_MAX = 2_048

_SUFFIXES = {name for _, _, *names in PARTITIONS for name in names}
_SUFFIX = "|".join(re.escape(name) for name in sorted(_SUFFIXES, key=len, reverse=True))
_PUBLIC = re.compile(
    rf"(?:vpce-[a-z0-9-]+\.)?bedrock-runtime(?:-fips)?\.(?P<region>[a-z0-9-]+)\."
    rf"(?:vpce\.)?(?P<suffix>{_SUFFIX})"
)
_AMAZON = re.compile(rf"(?:.*\.)?(?:{_SUFFIX})")
_ID = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._:-]*[A-Za-z0-9])?")
_ARN = re.compile(
    r"arn:aws(?:-[a-z]+)*:(?:bedrock|sagemaker):[a-z0-9-]{1,20}:(?:[0-9]{12})?:"
    r"[a-z-]+(?:/[A-Za-z0-9](?:[A-Za-z0-9._:-]*[A-Za-z0-9])?){1,3}"
)
# Profiles of these stay in a geography, whose regions the zone must list; of any other, `global`
# among them, nothing is known.
_GEOGRAPHIES = frozenset({"us", "eu", "apac", "jp", "au", "us-gov"})
_MAKERS = frozenset(
    {
        "ai21",
        "amazon",
        "anthropic",
        "cohere",
        "deepseek",
        "google",
        "meta",
        "minimax",
        "mistral",
        "moonshotai",
        "nvidia",
        "openai",
        "qwen",
        "writer",
        "xai",
        "zai",
    }
)
_IN_REGION = frozenset(
    {
        "custom-model",
        "custom-model-deployment",
        "foundation-model",
        "imported-model",
        "provisioned-model",
    }
)


def faults(place: Place, settings: Settings) -> tuple[tuple[str, str], ...]:
    """Return what is wrong with the place of a Bedrock backend, each with the field's name.

    INVARIANT: the region of the signature is stated, and is the one that the host names. A host
    that names none is used only where the fleet file says `private_endpoint: true`.
    """
    found = [("settings", fault) for fault in _setting_faults(settings)]
    region = settings.get(REGION)
    private = settings.get(PRIVATE, False)
    named = _PUBLIC.fullmatch(place.host)
    if named is not None and named["region"] != region:
        found.append(("url", "the host is in another region than the settings say"))
    elif named is not None and named["suffix"] not in suffixes(named["region"]):
        found.append(("url", "the host is not under a domain of the region's partition"))
    if named is None and _AMAZON.fullmatch(place.host):
        found.append(("url", "no endpoint of bedrock-runtime"))
    elif named is None and private is not True:
        found.append(("url", f"the host names no region; say `{PRIVATE}: true` if it is yours"))
    if place.scheme != "https" and (named is not None or not place.host.startswith("127.")):
        found.append(("url", "a signature is for https; http is for loopback alone"))
    found += [("settings", fault) for fault in (*aws.faults(settings), *_control_faults(settings))]
    return tuple(found)


def _setting_faults(settings: Settings) -> tuple[str, ...]:
    found = [f"{name}: no such setting" for name in settings if name not in KNOWN]
    if not is_region(settings.get(REGION)):
        found.append("state the region, such as `region: eu-central-1`")
    flags = [name for name in (PRIVATE, COMPATIBLE) if name in settings]
    found += [f"{name} is true or false" for name in flags if not isinstance(settings[name], bool)]
    if not isinstance(settings.get(BETAS, ""), str):
        found.append(f"{BETAS} is text")
    if settings.get(RETENTION, RETENTIONS[0]) not in RETENTIONS:
        found.append(f"{RETENTION} is one of {', '.join(RETENTIONS)}")
    return tuple(found)


def control(place: Place, settings: Settings, models: tuple[str, ...]) -> Place | None:
    """Return where Bedrock tells of profiles and of what it keeps: stated, or the region's own.

    None where no model is a profile, and no retention is declared.
    """
    if not any(map(is_profile, models)) and RETENTION not in settings:
        return None
    region = str(settings.get(REGION))
    parts = urlsplit(str(settings.get(CONTROL, regional("bedrock", region))))
    port = parts.port or SCHEMES[parts.scheme]
    return Place(
        f"{place.name}.control",
        parts.scheme,
        parts.hostname or "",
        port,
        place.zone,
        proxy=place.proxy,
    )


def stands(settings: Settings) -> frozenset[str] | None:
    """Return the country of the region, None for one that is not known."""
    country = AWS_REGIONS.get(str(settings.get(REGION)))
    return None if country is None else frozenset({country})


def refuses(name: str) -> str | None:
    """Return why a model of that name is never asked for, or None."""
    known = _ARN if name.startswith("arn:") else _ID
    if len(name) > MODEL_CHARS_MAX or not known.fullmatch(name) or ".." in name:
        return "no model id, profile id or ARN of Bedrock"
    return None


def anywhere(name: str) -> bool:
    """May any region answer for it? True of everything that is not known to stay somewhere.

    A plain id runs in the region that is asked, one with a known geography before it in the
    regions that its zone must list. An application's own profile is asked about before first use.
    """
    if name.startswith("arn:"):
        parts = name.split(":", 5)
        kind, _, name = parts[-1].partition("/") if len(parts) > 5 else ("", "", "")  # noqa: PLR2004
        if kind in _IN_REGION:
            return False
        if kind == "application-inference-profile":
            return False
        if kind != "inference-profile":
            return True
    return name.partition(".")[0] not in _GEOGRAPHIES | _MAKERS or "." not in name


def is_profile(name: str) -> bool:
    """Is it a profile, which may be answered in other regions than the one that is asked?"""
    if name.startswith("arn:"):
        return "inference-profile/" in name
    return name.partition(".")[0] not in _MAKERS


def _control_faults(settings: Settings) -> tuple[str, ...]:
    stated = settings.get(CONTROL)
    if stated is None:
        return ()
    try:
        plain = isinstance(stated, str) and origin(stated) == stated
    except ValueError:
        plain = False
    return () if plain else (f"{CONTROL} is scheme, host and port alone",)
