"""The files of `models/`: what there is, where it runs, at which price, and what tasks ask for."""

from datetime import date
from typing import Annotated, Literal

from msgspec import Meta, Struct

from gateway.config.forms import form

BACKENDS_MAX = 256
MODELS_MAX = 1_024
OFFERINGS_PER_MODEL_MAX = 32
ALIASES_PER_MODEL_MAX = 32
TASKS_MAX = 1_024
TASK_ENTRIES_MAX = 16
TOKENS_MAX = 100_000_000
SETTINGS_MAX = 32
CERTIFICATE_PINS_MAX = 8
EXITS_MAX = 64
PROXY_ADDRESSES_MAX = 64

BackendName = Annotated[str, form(r"[a-z0-9][a-z0-9-]{0,62}", "vllm")]
ModelName = Annotated[str, form(r"[A-Za-z0-9][A-Za-z0-9._:/-]{0,126}", "claude-opus-5-5")]
WireModel = Annotated[str, form(r"[A-Za-z0-9][A-Za-z0-9._:/@-]{0,254}", "qwen2.5-coder:14b")]
TaskName = Annotated[str, form(r"[A-Za-z0-9][A-Za-z0-9._-]{0,126}", "plan")]
EntryName = Annotated[str, form(r"[A-Za-z0-9][A-Za-z0-9._:/@-]{0,317}", "claude-opus")]
SettingName = Annotated[str, form(r"[a-z][a-z0-9_]{0,62}", "num_ctx")]
FileName = Annotated[str, Meta(min_length=1, examples=["engine-ca.pem"])]
HostName = Annotated[str, form(r"[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?", "vllm.example")]
CertificatePin = Annotated[str, form(r"sha256:[0-9a-f]{64}", f"sha256:{'0123456789abcdef' * 4}")]
Capability = Literal["tools", "images", "documents", "thinking", "json", "embeddings"]
FimFamily = Literal["qwen", "deepseek", "codestral", "starcoder", "native", "none"]
Money = str | int


class BackendEntry(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One running service."""

    kind: Annotated[str, Meta(description="Which engine it is.", examples=["vllm"])]
    url: Annotated[
        str,
        Meta(
            description="Scheme, host and port alone; paths come from the kind.",
            examples=["http://vllm.perimeter.svc:8000"],
        ),
    ]
    zone: Annotated[str, Meta(description="The zone of the policy in which it runs.")]
    secret: Annotated[
        str | None, Meta(description="The name of its credential in the node file.")
    ] = None
    ca_file: Annotated[
        FileName | None,
        Meta(
            description="PEM file with the only CA that may have signed its certificate; "
            "relative to this file."
        ),
    ] = None
    server_name: Annotated[
        HostName | None,
        Meta(description="The name that its certificate must carry, where the URL has another."),
    ] = None
    certificate_pins: Annotated[
        tuple[CertificatePin, ...],
        Meta(
            max_length=CERTIFICATE_PINS_MAX,
            description="Public keys of which its certificate must hold one, beside being valid: "
            "the SHA-256 of the SubjectPublicKeyInfo in DER.",
        ),
    ] = ()
    settings: Annotated[
        dict[SettingName, str | int | bool],
        Meta(max_length=SETTINGS_MAX, description="Settings that the kind understands."),
    ] = {}


class ExitEntry(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How the backends of one zone are reached."""

    proxy: Annotated[
        str | None,
        Meta(
            description="The forward proxy of the zone: http, host and port. Every backend of the "
            "zone is then https and is asked for with CONNECT.",
            examples=["http://proxy.example:3128"],
        ),
    ] = None
    proxy_addresses: Annotated[
        tuple[str, ...],
        Meta(
            max_length=PROXY_ADDRESSES_MAX,
            description="The CIDR blocks to which the proxy's host must resolve.",
        ),
    ] = ()
    proxy_secret: Annotated[
        str | None,
        Meta(description="The name of `user:password` for the proxy in the node file."),
    ] = None
    ca_file: Annotated[
        FileName | None,
        Meta(
            description="PEM file with the only CA that may have signed the certificates of the "
            "zone's backends that name none; relative to this file."
        ),
    ] = None


class PriceEntry(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """US dollars per million tokens: whole numbers, or decimals in quotes; never floats."""

    input: Annotated[Money, Meta(description="Input read from no cache.", examples=["0.15"])]
    output: Annotated[Money, Meta(description="Output, reasoning included.")]
    cache_read: Annotated[
        Money | None, Meta(description="Input read from a cache; as `input` when left out.")
    ] = None
    cache_write: Annotated[
        Money | None, Meta(description="Input written to a cache; as `input` when left out.")
    ] = None
    source: Annotated[str, Meta(min_length=1, description="Where the price was read.")]
    verified_on: Annotated[date, Meta(description="The day on which it was read.")]


class OfferingEntry(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A model at one backend."""

    backend: Annotated[str, Meta(description="A name of backends.yaml.")]
    wire_model: Annotated[WireModel, Meta(description="The name that the backend knows.")]
    context_tokens: Annotated[
        int, Meta(ge=1, le=TOKENS_MAX, description="Prompt and reply together.")
    ]
    output_tokens_max: Annotated[
        int, Meta(ge=1, le=TOKENS_MAX, description="The longest reply; within context_tokens.")
    ]
    capabilities: Annotated[
        frozenset[Capability],
        Meta(
            description="What it can do beyond text; with `embeddings` it embeds, and nothing else."
        ),
    ]
    price: Annotated[PriceEntry, Meta(description="What it costs.")]
    end_of_life: Annotated[
        date | None,
        Meta(description="The day on which the backend stops offering it, and we stop asking."),
    ] = None
    settings: Annotated[
        dict[SettingName, int | str],
        Meta(
            max_length=SETTINGS_MAX,
            description="Settings that are fixed for every request, such as Ollama's num_ctx or "
            "Anthropic's anthropic_version.",
        ),
    ] = {}


class ModelEntry(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One model: its short names, and where it is offered, best place first."""

    aliases: Annotated[
        tuple[ModelName, ...],
        Meta(max_length=ALIASES_PER_MODEL_MAX, description="Other names that callers may use."),
    ] = ()
    fim: Annotated[
        FimFamily | None,
        Meta(
            description="How it fills in the middle: by the tokens of a family, by the engine "
            "itself (native), or not at all (none); when left out, the model's name tells."
        ),
    ] = None
    offerings: Annotated[
        tuple[OfferingEntry, ...],
        Meta(
            min_length=1,
            max_length=OFFERINGS_PER_MODEL_MAX,
            description="Where it is offered, in order of preference.",
        ),
    ]


class BackendsFile(Struct, frozen=True, forbid_unknown_fields=True):
    """The file `backends.yaml`."""

    backends: Annotated[
        dict[BackendName, BackendEntry],
        Meta(min_length=1, max_length=BACKENDS_MAX, description="All backends by name."),
    ]
    zones: Annotated[
        dict[str, ExitEntry],
        Meta(
            max_length=EXITS_MAX,
            description="How the zones are reached that are not reached directly, or whose "
            "certificates are signed by a CA of your own.",
        ),
    ] = {}


class CatalogFile(Struct, frozen=True, forbid_unknown_fields=True):
    """The file `catalog.yaml`."""

    models: Annotated[
        dict[ModelName, ModelEntry],
        Meta(min_length=1, max_length=MODELS_MAX, description="All models by their exact name."),
    ]


TaskEntries = (
    EntryName | Annotated[tuple[EntryName, ...], Meta(min_length=1, max_length=TASK_ENTRIES_MAX)]
)
TasksFile = dict[TaskName, TaskEntries]
