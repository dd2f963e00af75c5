"""Issuers of tokens in the node file: whose are believed, and what their claims bind."""

from collections.abc import Iterator, Mapping
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Annotated, Literal

from msgspec import Meta, Struct

from gateway.config.forms import form
from gateway.config.origins import BadOriginError, read_origin

ISSUERS_MAX = 16
WORDS_MAX = 1_000
LIST_MAX = 256
DAY_S = 86_400

Text = Annotated[str, Meta(min_length=1, max_length=256)]
Texts = tuple[Text, ...]
Few = Annotated[Texts, Meta(min_length=1, max_length=LIST_MAX)]
IssuerName = Annotated[str, form(r"[a-z0-9][a-z0-9-]{0,31}", "corp")]
Algorithm = Literal["RS256", "ES256", "EdDSA"]


class ClaimFrom(Struct, frozen=True, forbid_unknown_fields=True):
    """A claim of the token, and what each of its values means."""

    claim: Annotated[
        Text,
        Meta(
            description="The claim; with a slash before it a path into nested ones.",
            examples=["department"],
        ),
    ]
    words: Annotated[
        dict[Text, Text],
        Meta(
            max_length=WORDS_MAX,
            description="The word for each value that counts; without any the value is the word.",
        ),
    ] = {}


class Jwks(Struct, frozen=True, forbid_unknown_fields=True):
    """Where the issuer's public keys are: a URL that is asked, or a file that is looked at."""

    url: Annotated[
        str | None,
        Meta(
            description="The JWK Set of the issuer; https, or http on loopback.",
            examples=["https://idp.example/realms/main/protocol/openid-connect/certs"],
        ),
    ] = None
    file: Annotated[Path | None, Meta(description="A file with the JWK Set.")] = None
    addresses: Annotated[
        tuple[Annotated[str, Meta(examples=["10.0.0.0/8"])], ...],
        Meta(
            max_length=LIST_MAX,
            description="CIDR blocks to which the host of the URL must resolve; none: anywhere.",
        ),
    ] = ()
    ca_file: Annotated[
        Path | None, Meta(description="PEM file of the CA; without it the public ones.")
    ] = None
    refresh_s: Annotated[
        int, Meta(ge=1, le=DAY_S, description="Seconds between two looks at the keys.")
    ] = 300
    stale_s_max: Annotated[
        int,
        Meta(
            ge=60,
            le=30 * DAY_S,
            description="Seconds for which the last keys are believed while nobody answers.",
        ),
    ] = DAY_S


class IssuerSettings(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One issuer of tokens, such as an OpenID provider."""

    issuer: Annotated[
        Text,
        Meta(description="The claim `iss`, exactly.", examples=["https://idp.example/realms/main"]),
    ]
    audience: Annotated[
        Texts,
        Meta(min_length=1, max_length=LIST_MAX, description="A token is for one of these: `aud`."),
    ]
    jwks: Annotated[Jwks, Meta(description="Where its public keys are.")]
    algorithms: Annotated[
        tuple[Algorithm, ...],
        Meta(min_length=1, max_length=3, description="How its tokens may be signed."),
    ] = ("RS256", "ES256", "EdDSA")
    subject_from: Annotated[
        ClaimFrom, Meta(description="The claim that names the person or service.")
    ] = ClaimFrom("sub")
    team: Annotated[Text | None, Meta(description="The team of all its callers.")] = None
    team_from: Annotated[ClaimFrom | None, Meta(description="The claim that tells the team.")] = (
        None
    )
    label: Annotated[
        Text | None, Meta(description="The least label of all its requests.", examples=["internal"])
    ] = None
    label_from: Annotated[
        ClaimFrom | None, Meta(description="The claim that tells a label floor; all are joined.")
    ] = None
    clearance: Annotated[
        Text | None,
        Meta(description="The highest label its callers may handle.", examples=["confidential"]),
    ] = None
    clearance_from: Annotated[
        ClaimFrom | None,
        Meta(description="The claim that tells the clearance; all its words are joined."),
    ] = None
    repos: Annotated[
        Texts, Meta(max_length=LIST_MAX, description="Repositories that its callers are bound to.")
    ] = ()
    repos_from: Annotated[
        ClaimFrom | None, Meta(description="The claim that tells further repositories, by id.")
    ] = None
    tasks: Annotated[Few | None, Meta(description="Names they may ask for; null: any.")] = None
    zones: Annotated[Few | None, Meta(description="Zones they may reach; null: any.")] = None


def issuer_faults(issuers: Mapping[str, IssuerSettings]) -> Iterator[tuple[str, str]]:
    """Yield what types cannot say: where, below `issuers`, and what is wrong."""
    seen: dict[str, str] = {}
    for name, one in issuers.items():
        if seen.setdefault(one.issuer, name) != name:
            yield f"{name}/issuer", f"is that of `{seen[one.issuer]}`"
        if (one.team is None) == (one.team_from is None):
            yield name, "give either `team` or `team_from`"
        if one.clearance is not None and one.clearance_from is not None:
            yield name, "give either `clearance` or `clearance_from`"
        for place, fault in _jwks_faults(one.jwks):
            yield f"{name}/jwks{place}", fault


def _jwks_faults(jwks: Jwks) -> Iterator[tuple[str, str]]:
    if (jwks.url is None) == (jwks.file is None):
        yield "", "give either `url` or `file`"
    if jwks.url is None and (jwks.addresses or jwks.ca_file is not None):
        yield "", "`addresses` and `ca_file` are for a `url`"
    for number, block in enumerate(jwks.addresses):
        try:
            ip_network(block)
        except ValueError:
            yield f"/addresses/{number}", "must be a CIDR block such as 10.0.0.0/8"
    if jwks.url is not None:
        fault = url_fault(jwks.url)
        if fault:
            yield "/url", fault


def url_fault(url: str) -> str:
    """Return what is wrong with a URL that we ask; empty where it is plain https."""
    scheme, _, rest = url.partition("://")
    host, _, _ = rest.partition("/")
    try:
        origin = read_origin(f"{scheme}://{host}")
    except BadOriginError as error:
        return str(error)
    if origin.scheme == "http" and not _is_loopback(origin.host):
        return "must be https; http is for loopback alone"
    plain = url.isascii() and url.isprintable() and not set(' #"<>\\') & set(url)
    return "" if plain else "must be a plain URL"


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
