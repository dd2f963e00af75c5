"""The policy language: these types are its specification.

A key of a YAML file is a field here and the reverse. Unknown keys, null and empty lists are
problems. Where a field takes `Words`, one word or a list of words may stand; a list means "one of
these".
"""

from typing import Annotated, Literal

from msgspec import UNSET, Meta, Struct, UnsetType, field

from gateway.domain.obligation import Obligation
from gateway.domain.zone import Evidence

RULES_MAX = 10_000
LEVELS_MAX = 32
CAVEATS_MAX = 64
REGION_SETS_MAX = 256
ZONES_MAX = 256
REPOS_MAX = 10_000
PASSES_MAX = 256
PATH_GLOBS_MAX = 128
INVARIANTS_MAX = 1_000
TEXT_CHARS_MAX = 512
COUNT_MAX = 1_000
# WHY: articles 19 and 26 of the EU AI Act ask for logs of six months at least.
RETENTION_FLOOR_DAYS = 183
RETENTION_DAYS_MAX = 36_500
COST_MAX_MICROUSD = 1_000_000_000_000

Words = str | list[str]
Reason = Annotated[str, Meta(max_length=TEXT_CHARS_MAX)]
Version = Literal[1]


class When(Struct, frozen=True, forbid_unknown_fields=True):
    """The conditions of a rule; all of them must hold.

    level_min, level_max, level_is: the label's level is at least, at most, or one of these.
    caveat: the label has one of these caveats.
    residency: the label may only be within one of these regions.
    repo: of a permit, every repository of the request is one of these and the key binds at least
    one; of a deny, the key or the client names one of these.
    team, task, model, surface: the request's is one of these; model is the catalogue's name of
    what is asked for, whichever alias was used, or the name of the task.
    key: the id of the caller's key is one of these.
    client: of a deny or an obligation, the product that the client's user agent names first, in
    lower case, is one of these; it is a claim, so it permits nothing.
    detector: a finding of one of these kinds.
    detector_count_min: of a deny or an obligation, at least so many different findings were made,
    tags included; beside `detector`, of those kinds.
    path: of a deny or an obligation, a tool was called with a path that one of these patterns
    covers; nothing but the pattern is recorded.
    zone: of a deny, the zones that it closes, in place of the rule's `zones`.
    any: true says that the rule holds for every request.
    """

    level_min: str | UnsetType = UNSET
    level_max: str | UnsetType = UNSET
    level_is: Words | UnsetType = UNSET
    caveat: Words | UnsetType = UNSET
    residency: Words | UnsetType = UNSET
    repo: Words | UnsetType = UNSET
    team: Words | UnsetType = UNSET
    task: Words | UnsetType = UNSET
    model: Words | UnsetType = UNSET
    surface: Words | UnsetType = UNSET
    key: Words | UnsetType = UNSET
    client: Words | UnsetType = UNSET
    detector: Words | UnsetType = UNSET
    detector_count_min: Annotated[int, Meta(ge=1, le=COUNT_MAX)] | UnsetType = UNSET
    path: Words | UnsetType = UNSET
    zone: Words | UnsetType = UNSET
    any: bool | UnsetType = UNSET


class Rule(Struct, frozen=True, forbid_unknown_fields=True):
    """One rule: what it permits, denies or obliges to, when, and in which zones.

    `zones: any` closes every zone and is for a deny alone. `reason` is shown to the caller. With
    `mode: shadow` it is evaluated and recorded, and changes nothing.
    `effect: oblige` names no zone, but `obligations` of a permitted request, or what it may cost at
    worst (`cost_max_microusd`), or what of the names under `passes` passes at the most
    (`passes_only`), or several; those of all rules that match are joined.
    """

    id: str
    effect: Literal["permit", "deny", "oblige"]
    when: When
    zones: Words | UnsetType = UNSET
    reason: Reason = ""
    mode: Literal["enforce", "shadow"] = "enforce"
    obligations: list[Obligation] | UnsetType = UNSET
    cost_max_microusd: Annotated[int, Meta(ge=0, le=COST_MAX_MICROUSD)] | UnsetType = UNSET
    passes_only: Annotated[list[str], Meta(max_length=PASSES_MAX)] | UnsetType = UNSET


class Detector(Struct, frozen=True, forbid_unknown_fields=True):
    """The label that a detector's finding joins; under the name `failed`, that a failure joins.

    kinds: the labels of single kinds of finding, in place of `raise`; a kind that is only a tag
    raises nothing unless it is named here.
    count_min: findings join the label only where at least so many different ones stand in one
    request; tags count.
    replies: what happens to a finding in a reply: it is recorded (`tag`), replaced (`mask`), or
    the reply ends before it (`cut`).
    """

    raises: str = field(name="raise")
    kinds: dict[str, str] = {}
    count_min: Annotated[int, Meta(ge=1, le=COUNT_MAX)] | UnsetType = UNSET
    replies: Literal["tag", "mask", "cut"] = "tag"


class PolicyFile(Struct, frozen=True, forbid_unknown_fields=True):
    """policy.yaml: the words of labels, the default label, and the rules.

    `levels` go from low to high, `region_sets` map a name to ISO 3166-1 alpha-2 codes. `default`
    is the label of a request whose key binds nothing, at least of the second level. `on_loss`
    says what happens when an engine cannot express a part of a request. `passes` lists, by zone,
    what may go there although it tells who asks or makes a provider fetch, keep or run something:
    fields (`metadata`), tools that a provider runs (`tools.web_search`), `remote_url`, `file_id`.
    `unseen_assistant` is the label that a turn of the model joins which did not come from this
    gateway; without it such a turn joins none. `restores` says where, beside the words of a reply,
    placeholders become again what was redacted: in `tool_arguments`, in `addresses` (links, images,
    URLs, which whoever shows a reply may fetch unasked), or nowhere.
    No record may be pruned before it is `retention_floor_days` old.
    """

    version: Version
    levels: list[str]
    default: str
    rules: list[Rule]
    caveats: list[str] = []
    region_sets: dict[str, list[str]] = {}
    tlp: dict[str, str] = {}
    detectors: dict[str, Detector] = {}
    on_loss: Literal["refuse", "record"] = "record"
    passes: dict[str, list[str]] = {}
    unseen_assistant: str | UnsetType = UNSET
    retention_floor_days: Annotated[int, Meta(ge=1, le=RETENTION_DAYS_MAX)] = RETENTION_FLOOR_DAYS
    restores: list[Literal["tool_arguments", "addresses"]] = []


class ZoneEntry(Struct, frozen=True, forbid_unknown_fields=True):
    """One zone: up to which label it is cleared, and the facts that say so.

    `level` is the highest level and `caveats` are all caveats that it clears. Regions are ISO
    codes, region sets, names of cloud regions, or `world`. `addresses` are CIDR blocks.
    `premises` says that the machines are ours; elsewhere facts need `evidence`, or they count as
    the world.
    `training` says whether the operator trains on what he sees; unknown counts as yes.
    `transfer_basis` is the legal ground on which data goes there, `dpa_ref` the agreement.
    The caveats `no-train` and `no-retention`, where the policy has them, are cleared only with
    `training: no` and `retention_days: 0`, and with evidence that is believed.
    """

    level: str
    processing_regions: Words
    storage_regions: Words
    operator: Annotated[str, Meta(min_length=1, max_length=TEXT_CHARS_MAX)]
    operator_jurisdiction: str
    retention_days: Annotated[int, Meta(ge=0)]
    addresses: list[str]
    caveats: list[str] = []
    premises: bool = False
    evidence: Evidence | UnsetType = UNSET
    training: Literal["no", "yes", "unknown"] = "unknown"
    transfer_basis: Literal["none", "adequacy", "scc", "dpf", "bcr", "derogation"] = "none"
    dpa_ref: Reason = ""


class ZonesFile(Struct, frozen=True, forbid_unknown_fields=True):
    """zones.yaml: every zone by name."""

    version: Version
    zones: dict[str, ZoneEntry]


class RepoEntry(Struct, frozen=True, forbid_unknown_fields=True):
    """One repository: its label, its clone URLs, and the folders in which people have it.

    A pattern is a URL with `*` for any text within a part of the path, or `**` at its end for all
    below. An address may have several entries: their labels are joined.
    A path covers a folder and all below it: `*` stands for one name, `**` at the beginning for any
    number of them. It tells what a client's working directory claims, and nothing else.
    """

    label: str
    urls: list[str] = []
    patterns: list[str] = []
    paths: list[str] = []


class ReposFile(Struct, frozen=True, forbid_unknown_fields=True):
    """repos.yaml: every repository by id, and the label of one that is claimed but not listed."""

    version: Version
    unregistered: str
    repos: dict[str, RepoEntry] = {}


class Labels(Struct, frozen=True, forbid_unknown_fields=True):
    """Which labels an invariant speaks of; all that is said must hold."""

    level_min: str | UnsetType = UNSET
    level_is: Words | UnsetType = UNSET
    caveat: Words | UnsetType = UNSET


class InvariantEntry(Struct, frozen=True, forbid_unknown_fields=True):
    """One promise that no edit of the rules may break; exactly one of the three says what."""

    id: str
    labels: Labels
    only_zones: Words | UnsetType = UNSET
    never_zones: Words | UnsetType = UNSET
    only_operators_in: Words | UnsetType = UNSET
    reason: Reason = ""


class InvariantsFile(Struct, frozen=True, forbid_unknown_fields=True):
    """invariants.yaml: promises, proven when the policy is loaded."""

    version: Version
    invariants: list[InvariantEntry]
