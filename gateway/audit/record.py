"""The records of the ledger: Decided, Attempted, Settled and Admin.

A record holds no floats: times are microseconds since the epoch, money is micro US dollars.
`v` is the version of the form. Personal fields travel as `Personal` and stand in the entry as
`Sealed`: AES-256-GCM under the key of that subject and month.
"""

from typing import Any

from msgspec import UNSET, Struct, UnsetType

from gateway.domain.attestation import Attestation
from gateway.domain.caller import Allowance
from gateway.domain.decision import Decision, Facts, Finding, Redaction, Shadow, Signal, Sizes
from gateway.domain.grant import Grant
from gateway.domain.label import Label
from gateway.domain.money import Tokens
from gateway.domain.request import Ask
from gateway.domain.route import Excluded, Outcome, OutcomeKind, Truncated

VERSION = 1
DIGEST_CHARS = 24
ADMIN_KINDS = frozenset(
    {
        "created",
        "started",
        "stopped",
        "recovered",
        "document_stored",
        "quarantined",
        "boundary_breach",
        "subject_key_made",
        "clock_stepped",
        "heartbeat",
        "key_rotated",
        "wrapping_key_rotated",
        "hand_over_asked",
        "shard_closed",
        "carried",
        "conversations_forgotten",
        "residency_agreed",
        "residency_difference",
        "keys_loaded",
        "keys_refused",
        "approval_used",
        "approval_refused",
        "policy_loaded",
        "policy_rejected",
        "policy_expired",
        "config_drift",
        "break_glass_began",
        "break_glass_ended",
        "waiver_ended",
        "persons_loaded",
        "route_asked",
        "erased",
        "bodies_pruned",
        "pruned",
        "prune_refused",
        "exported",
        "anchored",
        "anchor_contradicted",
        "configured",
        "audit_queried",
    }
)


class Personal(Struct, frozen=True):
    """What belongs to a person or could name one; never stored in clear.

    `salts` holds, as hex, the salts of the record's commitments by name. `turns` are the digests of
    what passed under `turns_label`: of a Decided, the turns that the client sent; of a Settled,
    the reply. Each is DIGEST_CHARS characters of base64, one after the other. `on_behalf_of` is the
    person for whom the subject acts: sealed apart, under that person's own key. `trace_id` and
    `span_id` are those of the trace to which the client says that the request belongs,
    `client_version` is that of a known client. What an engine called itself, where that is no name
    of its offering, is `response_model`; `provider_ids` are the names that those who answered gave
    the request, one for each attempt, empty where it got none.
    """

    subject: str
    address: str = ""
    client: str = ""
    repo: str = ""
    session: str = ""
    metadata: dict[str, str] = {}
    findings: tuple[Finding, ...] = ()
    salts: dict[str, str] = {}
    turns: str = ""
    turns_label: Label | None = None
    on_behalf_of: str = ""
    # WHY: left out where there is none, so that most records stay as small as they were.
    trace_id: str | UnsetType = UNSET
    span_id: str | UnsetType = UNSET
    client_version: str | UnsetType = UNSET
    response_model: str | UnsetType = UNSET
    provider_ids: tuple[str, ...] | UnsetType = UNSET


class Sealed(Struct, frozen=True):
    """Personal fields as ciphertext: the id of the key, nonce and data in base64.

    Where that is larger than an entry can hold, `data` is empty and `blob` is its digest.
    """

    key: str
    nonce: str
    data: str
    # WHY: left out where there is none: what an older record holds must be written as it was.
    blob: str | UnsetType = UNSET


class Decided(Struct, frozen=True, tag="decided", tag_field="type"):
    """A request and what was decided about it; durable before anything is sent.

    `id` is the record id (UUIDv7) of the request. `commitment` is a salted SHA-256 of the
    SHA-256 of the bytes that came in. `health` is what was known to be resting when the route was
    planned. `documents` names the policy bundle and catalogue by digest. `run` is a keyed digest
    of the caller's session, or of the first turn: the requests of one run have the same. It decides
    nothing. `allowance` is what the caller might at the most, where something limited it, and
    `known_by` how he was known where it was not by a key. `on_behalf_of` is the person for whom he
    acted, under the key of that person.
    `allowed_kinds` counts those of `finding_kinds` that a steward allowed.
    `body` is the id under which the bytes that came in are kept under seal, or a word for why they
    are not; left out where nothing is kept.
    `closed` holds the zones that a person had closed. `shadow` is what rules that are not in force
    would have made of it. `granted` is what persons granted and the decision was made with: one use
    of it. `redaction` is what was decided first, where that was to redact; `commitment` and
    `finding_kinds` are those of the body that came, everything else is about what may leave.
    `team` stands here where there are no `facts` to say it. `client` is the name of the client
    where it is one of ours (`domain.product`), `sizes` says of how many parts the body was made.
    `mono_us`, in every record of a boot, is a clock of the machine that nobody sets: how long
    passed between two records of one boot, whatever the clock on the wall did.
    """

    id: str
    ts_us: int
    boot: str
    key_id: str
    surface: str
    dialect: str
    body_bytes: int
    ask: Ask | None
    facts: Facts | None
    signals: tuple[Signal, ...]
    label: Label | None
    raised_by: tuple[str, ...]
    decision: Decision
    candidates: tuple[str, ...]
    excluded: tuple[Excluded, ...]
    health: dict[str, str]
    documents: dict[str, str]
    finding_kinds: dict[str, int] = {}
    commitment: str = ""
    demo: bool = False
    sealed: Sealed | None = None
    v: int = VERSION
    # WHY: left out where there is none: what an older record holds must be written as it was.
    run: str | UnsetType = UNSET
    allowance: Allowance | UnsetType = UNSET
    known_by: str | UnsetType = UNSET
    on_behalf_of: Sealed | UnsetType = UNSET
    allowed_kinds: dict[str, int] | UnsetType = UNSET
    closed: frozenset[str] | UnsetType = UNSET
    shadow: Shadow | UnsetType = UNSET
    granted: Grant | UnsetType = UNSET
    redaction: Redaction | UnsetType = UNSET
    body: str | UnsetType = UNSET
    team: str | UnsetType = UNSET
    client: str | UnsetType = UNSET
    sizes: Sizes | UnsetType = UNSET
    mono_us: int | UnsetType = UNSET


class Attempted(Struct, frozen=True, tag="attempted", tag_field="type"):
    """One try, durable before its first byte leaves.

    `number` counts the tries of one request from 1. `commitment` is a salted SHA-256 of the
    prepared body; the salt is sealed. `via_proxy` is the host and port of the forward proxy through
    which `host` is reached, where the fleet file states one. `header_names` are those of the header
    fields that go along beside what every call has; credentials are not among them.
    """

    id: str
    ts_us: int
    boot: str
    number: int
    offering: str
    backend: str
    zone: str
    host: str
    commitment: str
    losses: tuple[str, ...] = ()
    sealed: Sealed | None = None
    v: int = VERSION
    via_proxy: str | UnsetType = UNSET
    header_names: tuple[str, ...] | UnsetType = UNSET
    mono_us: int | UnsetType = UNSET


class Tried(Struct, frozen=True):
    """How one attempt ended, as the Settled record tells it.

    `address` is the one that was dialled, of the proxy where there is one; left out where no reply
    came. `provider_id` stands in older records alone: what an engine says is sealed.
    """

    number: int
    offering: str
    zone: str
    started_us: int
    first_token_us: int | None
    ended_us: int
    outcome: Outcome
    provider_id: str | UnsetType = UNSET
    address: str | UnsetType = UNSET


class Settled(Struct, frozen=True, tag="settled", tag_field="type"):
    """How a decided request ended; follows every Decided.

    `unable` names the candidates whose engines cannot express the request: nothing was sent there.
    Of an engine that is not our own, `attestation` says whether the place that its reply told
    agrees with the one that was asked for, and `observed_region` which that was, where it told one.
    Of the reply: `reply_kinds` counts what the detectors found in it, `reply_masked` says how many
    were masked, `reply_restored` how many placeholders became again what they stand for,
    `reply_left` how many stayed because they stand inside an address, `reply_cut` before which kind
    it ended, `reply_not_verified` which detectors failed. `reply_body` is for the reply what `body`
    is for a request. `took_us` is the time since the request had come in, `waited_us` that until
    the first attempt left. `usage_estimated` says that `usage` is no figure of the engine's, which
    told none or did not come to it, but made of what was sent and heard. `response_model` is what
    the engine called itself, where that is a name of its offering in our catalogue, and `other`
    where it is not: then its words are sealed. `truncated` says who cut a reply that had begun:
    `client`, `engine`, `limit` or `policy`.
    """

    id: str
    ts_us: int
    boot: str
    outcome: OutcomeKind
    status: int | None = None
    served_by: str | None = None
    zone: str | None = None
    tried: tuple[Tried, ...] = ()
    usage: Tokens | None = None
    cost_microusd: int | None = None
    stop: str | None = None
    losses: tuple[str, ...] = ()
    error: str | None = None
    reply_bytes: int = 0
    reply_commitment: str = ""
    unable: tuple[str, ...] | UnsetType = UNSET
    sealed: Sealed | None = None
    v: int = VERSION
    observed_region: str | UnsetType = UNSET
    attestation: Attestation | UnsetType = UNSET
    # WHY: as in Decided, left out where there is none.
    reply_kinds: dict[str, int] | UnsetType = UNSET
    reply_masked: int | UnsetType = UNSET
    reply_cut: str | UnsetType = UNSET
    reply_not_verified: tuple[str, ...] | UnsetType = UNSET
    reply_restored: int | UnsetType = UNSET
    reply_left: int | UnsetType = UNSET
    reply_body: str | UnsetType = UNSET
    took_us: int | UnsetType = UNSET
    usage_estimated: bool | UnsetType = UNSET
    waited_us: int | UnsetType = UNSET
    response_model: str | UnsetType = UNSET
    truncated: Truncated | UnsetType = UNSET
    mono_us: int | UnsetType = UNSET


class Admin(Struct, frozen=True, tag="admin", tag_field="type"):
    """Anything that changes meaning: inception, start, stop, recovery, quarantine, key, document.

    `what` is one of `ADMIN_KINDS`; `facts` holds clear values only, no personal data and no floats.
    """

    id: str
    ts_us: int
    boot: str
    what: str
    facts: dict[str, Any] = {}
    v: int = VERSION
    mono_us: int | UnsetType = UNSET


Record = Decided | Attempted | Settled | Admin


class Receipt(Struct, frozen=True):
    """The proof that records are durable: the index of the last one in the log."""

    index: int
