"""The node file `perimeter.yaml`: what one gateway process needs to know of its machine.

Relative paths are relative to the folder of the file. Units stand at the end of each name.
"""

from functools import partial
from pathlib import Path
from typing import Annotated, Literal

from msgspec import Meta, Struct, field

from gateway.config.anchors import Anchors
from gateway.config.forms import form
from gateway.config.issuers import ISSUERS_MAX, IssuerName, IssuerSettings

CONNECTIONS_MAX = 100_000
MILLISECONDS_MAX = 3_600_000
BODY_BYTES_MAX = 256 * 1024 * 1024
PROXIES_MAX = 64
NETWORKS_MAX = 64
REPOS_MAX = 256
SECRETS_MAX = 256
DAYS_MAX = 3_650
RETENTION_DAYS_MAX = 36_500
HEARTBEAT_S_MIN = 5
HEARTBEAT_S_MAX = 3_600
KEPT_BYTES_MAX = 32 * 1024 * 1024
TURNS_MIN = 1_000
TURNS_MAX = 100_000_000

Port = Annotated[int, Meta(ge=0, le=65_535)]
Milliseconds = Annotated[int, Meta(ge=1, le=MILLISECONDS_MAX)]
Text = Annotated[str, Meta(min_length=1, max_length=256)]
Count = Annotated[int, Meta(ge=1, le=CONNECTIONS_MAX)]

HeaderName = Annotated[str, form(r"[a-z0-9]+(-[a-z0-9]+)*", "x-client-san-uri")]
VariableName = Annotated[str, form(r"[A-Za-z_][A-Za-z0-9_]{0,127}", "PERIMETER_ANTHROPIC_KEY")]

OriginName = Annotated[
    str,
    form(r"[a-z0-9][a-z0-9.-]{0,126}(/[a-z0-9][a-z0-9._-]{0,62}){1,4}", "perimeter.example/gw-0"),
]


class Tls(Struct, frozen=True, forbid_unknown_fields=True):
    """TLS of a listener. Certificate and key are read again when they change."""

    certificate: Annotated[Path, Meta(description="PEM file: the certificate and its chain.")]
    key: Annotated[Path, Meta(description="PEM file: the private key of the certificate.")]
    client_ca: Annotated[
        Path | None,
        Meta(description="PEM file: when given, clients show a certificate signed by it."),
    ] = None
    client_certificate: Annotated[
        Literal["require", "optional"],
        Meta(description="Whether a client must show a certificate, or may. docs/identity.md"),
    ] = "require"
    version_min: Annotated[
        Literal["1.2", "1.3"], Meta(description="The oldest TLS version that is spoken.")
    ] = "1.2"


class Anonymous(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Who a request without any credential is, for clients that cannot send a key."""

    subject: Annotated[
        Text, Meta(description="The person or service that answers for such requests.")
    ] = "anonymous"
    team: Annotated[Text, Meta(description="The team that is recorded.")]
    label: Annotated[
        Text,
        Meta(description="The least label of every such request.", examples=["internal"]),
    ]
    repos: Annotated[
        tuple[Text, ...],
        Meta(max_length=REPOS_MAX, description="Repositories that such requests are bound to."),
    ] = ()
    networks: Annotated[
        tuple[Annotated[str, Meta(examples=["10.1.2.0/24"])], ...],
        Meta(
            min_length=1,
            max_length=NETWORKS_MAX,
            description="CIDR blocks from which a request may come without a credential.",
        ),
    ] = ("127.0.0.0/8", "::1/128")


class SubjectHeader(Struct, frozen=True, forbid_unknown_fields=True):
    """The header in which a listed proxy tells the subject of the client's certificate."""

    name: Annotated[HeaderName, Meta(description="The header; the proxy must always set it.")]
    kind: Annotated[
        Literal["uri", "dns", "email", "cn", "xfcc"],
        Meta(description="What of the certificate the proxy writes there; xfcc: Envoy's form."),
    ] = "uri"


class DataListener(Struct, frozen=True, forbid_unknown_fields=True):
    """Where clients connect, and what bounds them."""

    host: Annotated[
        str, Meta(description="The IP address to listen on.", examples=["127.0.0.1"])
    ] = "127.0.0.1"
    port: Annotated[Port, Meta(description="The port; 0 lets the system choose one.")] = 8080
    tls: Annotated[Tls | None, Meta(description="TLS, or null for plain HTTP.")] = None
    trusted_proxies: Annotated[
        tuple[Annotated[str, Meta(examples=["10.0.0.0/8"])], ...],
        Meta(
            max_length=PROXIES_MAX,
            description="CIDR blocks of peers whose forwarded client address is believed.",
        ),
    ] = ()
    subject_header: Annotated[
        SubjectHeader | None,
        Meta(description="Where a listed proxy tells whose certificate it saw; null: nowhere."),
    ] = None
    anonymous: Annotated[
        Anonymous | None,
        Meta(description="Who sends no credential at all; null: nobody may. docs/keys.md"),
    ] = None
    connections_max: Annotated[
        Count, Meta(description="Open connections in all; more are closed at once.")
    ] = 1_024
    connections_per_peer_max: Annotated[
        Count, Meta(description="Open connections of one peer address.")
    ] = 128
    header_ms_max: Annotated[
        Milliseconds, Meta(description="From the first byte of a request to the end of its head.")
    ] = 10_000
    body_ms_max: Annotated[
        Milliseconds, Meta(description="From the end of the head to the end of the body.")
    ] = 60_000
    body_bytes_max: Annotated[
        int, Meta(ge=1, le=BODY_BYTES_MAX, description="The largest body; a larger one is 413.")
    ] = 32 * 1024 * 1024
    in_flight_max: Annotated[
        Count, Meta(description="Requests answered at the same time; more are 503.")
    ] = 512
    keep_alive_ms: Annotated[
        Milliseconds, Meta(description="How long an idle connection stays open.")
    ] = 75_000


class AdminListener(Struct, frozen=True, forbid_unknown_fields=True):
    """Where probes and metrics are served; it shows no prompt and takes no key."""

    host: Annotated[
        str,
        Meta(
            description="The IP address to listen on; loopback unless something else must probe.",
            examples=["127.0.0.1"],
        ),
    ] = "127.0.0.1"
    port: Annotated[Port, Meta(description="The port; 0 lets the system choose one.")] = 9090


class Listeners(Struct, frozen=True, forbid_unknown_fields=True):
    """The two doors of the gateway."""

    data: Annotated[DataListener, Meta(description="The listener for clients.")] = field(
        default_factory=DataListener
    )
    admin: Annotated[AdminListener, Meta(description="The listener for probes and metrics.")] = (
        field(default_factory=AdminListener)
    )


def _at(place: str) -> Path:
    return field(default_factory=partial(Path, place))


class Paths(Struct, frozen=True, forbid_unknown_fields=True):
    """Where things are kept. docs/backup.md says which of them must never be lost."""

    policy: Annotated[
        Path, Meta(description="Folder with policy, zones, repos, invariants and cases.")
    ] = _at("policies/default")
    models: Annotated[Path, Meta(description="Folder with catalog, backends and tasks.")] = _at(
        "models"
    )
    keys: Annotated[Path, Meta(description="File with the hashes of the callers' keys.")] = _at(
        "keys.yaml"
    )
    ledger: Annotated[Path, Meta(description="Folder of the ledger.")] = _at("data/ledger")
    subject_keys: Annotated[
        Path,
        Meta(description="File (SQLite) with the keys under which personal fields are sealed."),
    ] = _at("data/subject_keys.sqlite")
    wrapping_key: Annotated[
        Path | None,
        Meta(
            description="File with the key that wraps the subject keys; best on another disk. "
            "Without it `wrapping.key` beside `subject_keys`. docs/privacy.md"
        ),
    ] = None
    checkpoints: Annotated[
        Path, Meta(description="File (SQLite) with the last checkpoints; best on another disk.")
    ] = _at("data/checkpoints.sqlite")
    signing_key: Annotated[
        Path, Meta(description="File with the Ed25519 key that signs checkpoints.")
    ] = _at("data/signing.key")
    cache: Annotated[
        Path, Meta(description="Folder for what can be made again, such as compiled detectors.")
    ] = _at("data/cache")
    dictionaries: Annotated[
        Path | None,
        Meta(description="Folder with dictionaries made by `perimeter dictionary`, or null."),
    ] = None
    conversations: Annotated[
        Path | None,
        Meta(
            description="File (SQLite) that remembers under which label turns of conversations "
            "passed; made again from the ledger. Without it `conversations.sqlite` beside "
            "`subject_keys`."
        ),
    ] = None
    persons: Annotated[
        Path | None,
        Meta(
            description="File with the public keys of the persons who may approve; without it "
            "nothing can be approved. docs/approvals.md"
        ),
    ] = None
    bodies: Annotated[
        Path, Meta(description="Folder of kept bodies, under seal; only `bodies.keep` fills it.")
    ] = _at("data/bodies")
    approvals: Annotated[
        Path, Meta(description="Folder in which signed approvals are put for this gateway.")
    ] = _at("data/approvals")


class LedgerSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """How the ledger is written."""

    heartbeat_s: Annotated[
        int,
        Meta(
            ge=HEARTBEAT_S_MIN,
            le=HEARTBEAT_S_MAX,
            description="Seconds after which a ledger that has nothing to tell says so.",
        ),
    ] = 60
    shards: Annotated[
        Literal["never", "year", "month"],
        Meta(
            description="After which period (UTC) a shard of the ledger is closed and the next "
            "begun; `perimeter ledger hand-over` does it at any time."
        ),
    ] = "never"
    readers: Annotated[
        Annotated[str, form(r"[a-z_][a-z0-9_-]{0,31}", "auditors")] | None,
        Meta(
            description="A group of this machine that may read the ledger's folder, no key and no "
            "body; the gateway's user belongs to it. null: nobody else may. docs/roles.md"
        ),
    ] = None


class Conversations(Struct, frozen=True, forbid_unknown_fields=True):
    """How long, and of how many turns, it is remembered under which label they passed."""

    days: Annotated[
        int,
        Meta(ge=1, le=DAYS_MAX, description="Days for which a turn is remembered after its use."),
    ] = 30
    turns_max: Annotated[
        int,
        Meta(
            ge=TURNS_MIN,
            le=TURNS_MAX,
            description="Turns that are remembered; above that the lowest labels go first.",
        ),
    ] = 1_000_000


class Bodies(Struct, frozen=True, forbid_unknown_fields=True):
    """Whether the text of requests and replies is kept, under seal: docs/privacy.md."""

    keep: Annotated[
        bool, Meta(description="Keep what permitted requests send and get; unless policy forbids.")
    ] = False
    bytes_max: Annotated[
        int, Meta(ge=1, le=KEPT_BYTES_MAX, description="The largest body or reply that is kept.")
    ] = 1024 * 1024
    days: Annotated[
        int, Meta(ge=1, le=DAYS_MAX, description="Days after which a kept body is destroyed.")
    ] = 30


class Retention(Struct, frozen=True, forbid_unknown_fields=True):
    """When what the ledger says is pruned; the hashes stay: docs/privacy.md."""

    days: Annotated[
        Annotated[int, Meta(ge=1, le=RETENTION_DAYS_MAX)] | None,
        Meta(
            description="Days after which a closed shard loses its content, at least "
            "`retention_floor_days` of the policy; null: nothing is pruned by itself.",
        ),
    ] = None


class Timeouts(Struct, frozen=True, forbid_unknown_fields=True):
    """How long the gateway waits for an engine, and for itself at the end."""

    connect_ms: Annotated[Milliseconds, Meta(description="To open a connection to an engine.")] = (
        2_000
    )
    first_byte_ms: Annotated[
        Milliseconds, Meta(description="From the end of sending to the head of the reply.")
    ] = 120_000
    idle_ms: Annotated[Milliseconds, Meta(description="Between two reads of a reply's body.")] = (
        60_000
    )
    total_ms: Annotated[Milliseconds, Meta(description="Over one whole attempt.")] = 900_000
    drain_ms: Annotated[
        Milliseconds, Meta(description="For open requests to end after SIGTERM.")
    ] = 30_000


class SecretSource(Struct, frozen=True, forbid_unknown_fields=True):
    """Where one secret is read: a file or an environment variable, never the file itself."""

    file: Annotated[
        Path | None, Meta(description="File with the secret; not readable by everyone.")
    ] = None
    env: Annotated[
        VariableName | None,
        Meta(description="Name of the environment variable that holds the secret."),
    ] = None


SecretName = Annotated[str, form(r"[a-z0-9][a-z0-9_-]{0,63}", "anthropic")]


class Settings(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The whole node file."""

    origin: Annotated[
        OriginName,
        Meta(
            description="The name of this gateway's ledger, in no other use anywhere: one origin "
            "per writing process.",
        ),
    ]
    demo: Annotated[
        bool,
        Meta(
            description="Scripted engines are allowed; loopback only, origin demo/..., and every "
            "record says so."
        ),
    ] = False
    listeners: Annotated[Listeners, Meta(description="Where the gateway listens.")] = field(
        default_factory=Listeners
    )
    paths: Annotated[Paths, Meta(description="Where things are kept.")] = field(
        default_factory=Paths
    )
    timeouts: Annotated[Timeouts, Meta(description="How long the gateway waits.")] = field(
        default_factory=Timeouts
    )
    ledger: Annotated[
        LedgerSettings, Meta(description="How the ledger is written. docs/ledger.md")
    ] = field(default_factory=LedgerSettings)
    conversations: Annotated[
        Conversations, Meta(description="What is remembered of conversations.")
    ] = field(default_factory=Conversations)
    bodies: Annotated[Bodies, Meta(description="What is kept of texts.")] = field(
        default_factory=Bodies
    )
    retention: Annotated[Retention, Meta(description="What is pruned of the ledger.")] = field(
        default_factory=Retention
    )
    secrets: Annotated[
        dict[SecretName, SecretSource],
        Meta(
            max_length=SECRETS_MAX,
            description="Secrets by name, each by reference to a file or the environment.",
        ),
    ] = {}
    issuers: Annotated[
        dict[IssuerName, IssuerSettings],
        Meta(
            max_length=ISSUERS_MAX,
            description="Whose tokens are believed, by name. docs/identity.md",
        ),
    ] = {}
    anchors: Annotated[Anchors, Meta(description="Where checkpoints go. docs/anchors.md")] = field(
        default_factory=Anchors
    )
    policy_signed: Annotated[
        bool,
        Meta(
            description="The policy folder must hold an `approval.json` that persons have signed "
            "over the policy; another policy is never in force, and an older one never again."
        ),
    ] = False
    refusal_status: Annotated[
        Literal[400, 403],
        Meta(description="The status of a refusal; real clients show a 400 once, verbatim."),
    ] = 400
