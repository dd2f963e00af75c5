"""The company whose year `tests.bench.audit` asks about: its policies, teams and kinds of request.

Each decision is made by the real rules under the policy of its week, so that it can be made again.
"""

from collections.abc import Iterator
from copy import deepcopy
from datetime import UTC, datetime, timedelta
from typing import Any

from msgspec import UNSET, Struct

from gateway.audit.canonical import digest
from gateway.audit.record import Decided
from gateway.domain.decision import Finding, Scan
from gateway.domain.errors import UnknownModel
from gateway.domain.grant import Grant, GrantKind
from gateway.domain.label import Label, Level
from gateway.domain.request import Ask
from gateway.flow.opening import Stamp, decided, personal_of, turned_away
from gateway.flow.ports import World
from gateway.flow.replay import documents_of, fleet_of
from gateway.flow.ruling import gather, rule
from gateway.policy.compile import compile_bundle
from tests.doubles.flow_logs import a_policy
from tests.doubles.houses import an_envelope
from tests.doubles.records import BOOT, NOW_US

DAY_US = 86_400_000_000
BEGIN_US = NOW_US // DAY_US * DAY_US
TEAMS = tuple(f"team-{number}" for number in range(40))
GUESTS, WAIVED, BROKEN = "guests", "team-3", "team-13"
# The repositories of the teams, in turn.
REPOS = ("website", "shop", "branch", "payments", "shop", "branch", "website", "records")
LABELS = {"shop": "internal", "branch": "confidential@EU", "records": "confidential+pii@EU"}
EVIDENCE = {"source": "a contract", "read_on": "2026-11-20", "expires_on": "2028-11-20"}
ABROAD: dict[str, dict[str, Any]] = {
    "eu_cloud": {
        "level": "confidential",
        "caveats": ["pii"],
        "processing_regions": ["DE", "IE"],
        "storage_regions": ["DE", "IE"],
        "operator": "a cloud of the Union",
        "operator_jurisdiction": "IE",
        "retention_days": 30,
        "training": "no",
        "dpa_ref": "dpa-17",
        "addresses": ["127.0.3.0/24"],
        "evidence": EVIDENCE,
    },
    "swiss_cloud": {
        "level": "internal",
        "caveats": [],
        "processing_regions": "CH",
        "storage_regions": "CH",
        "operator": "a cloud of Switzerland",
        "operator_jurisdiction": "CH",
        "retention_days": 90,
        "training": "no",
        "transfer_basis": "adequacy",
        "dpa_ref": "dpa-18",
        "addresses": ["127.0.4.0/24"],
        "evidence": EVIDENCE,
    },
}
MODELS = {
    "opus": "frontier",
    "euro": "eu_cloud",
    "alp": "swiss_cloud",
    "qwen": "on_prem",
    "spare": "on_prem",
}
TRAVELS = {
    "internal-may-travel": sorted(set(MODELS.values())),
    "confidential-stays-home": ["on_prem", "eu_cloud"],
}
TASKS = {"code": list(MODELS), "far": ["opus"]}
PERSONAL = Finding("personal", "iban", "/messages/0/content", 3, 25, "print-1")
SECRET = Finding("secrets", "gitlab-pat", "/messages/0/content", 3, 25, "print-2")
TAG = Finding("personal", "person-name", "/messages/0/content", 3, 9, "print-3", allowed=True)

CONFIDENTIAL = {"label": "confidential"}


class Kind(Struct, frozen=True):
    """One kind of request, and how many of a hundred are of it."""

    share: int
    model: str = "code"
    surface: str = "chat_completions"
    claims: dict[str, str] = {}
    scan: Scan = Scan()
    bound: bool = True
    teams: tuple[str, ...] = TEAMS


KINDS = (
    Kind(45),
    Kind(18, surface="messages"),
    Kind(8, bound=False),
    Kind(4, bound=False, scan=Scan((PERSONAL,))),
    Kind(5, claims={"label": "public"}),
    Kind(4, claims={"label": "restricted"}),
    Kind(6, scan=Scan((PERSONAL, TAG))),
    Kind(3, scan=Scan((SECRET,))),
    Kind(2, model="far"),
    Kind(1, model="unheard-of"),
    Kind(3, teams=(GUESTS,)),
    Kind(1, model="far", bound=False, claims=CONFIDENTIAL, teams=(WAIVED, BROKEN)),
)


class Week(Struct, frozen=True):
    """One week: its documents by digest, what was granted for it, and its decisions by kind."""

    policy: str
    catalogue: str
    grants: tuple[Grant, ...]
    decisions: tuple[tuple[Decided, ...], ...]


class Documents(Struct, frozen=True):
    """The policy of a week and the catalogue, as plain data."""

    policy: dict[str, Any]
    catalogue: dict[str, Any]


def documents_in(week: int) -> Documents:
    """Return what is in force in that week: each keeps another team from the zones abroad."""
    plain = deepcopy(a_policy())
    plain["zones"]["zones"] |= ABROAD
    plain["zones"]["zones"]["frontier"] |= {"transfer_basis": "scc", "dpa_ref": "dpa-19"}
    written = ((name, f"https://git.example.com/{name}/it") for name in LABELS)
    plain["repos"]["repos"] |= {
        name: {"label": LABELS[name], "urls": [url]} for name, url in written
    }
    rules = plain["policy"]["rules"]
    wider = ({**one, "zones": TRAVELS[one["id"]]} if one["id"] in TRAVELS else one for one in rules)
    kept = {"team": TEAMS[week % len(TEAMS)]}
    weekly = {"id": f"week-{week}", "effect": "deny", "when": kept, "zones": ["frontier"]}
    plain["policy"]["rules"] = [*wider, weekly]
    return Documents(plain, _catalogue())


def _catalogue() -> dict[str, Any]:
    price = {"input": "2", "output": "10", "source": "a list", "verified_on": "2026-11-20"}
    offered = {
        "context_tokens": 131_072,
        "output_tokens_max": 8_192,
        "capabilities": ["tools"],
        "price": price,
    }
    return {
        "backends": {
            "version": 1,
            "backends": {
                name: {"kind": "vllm", "url": f"http://{name}.example:8000", "zone": zone}
                for name, zone in MODELS.items()
            },
        },
        "catalog": {
            "version": 1,
            "models": {
                name: {"offerings": [{"backend": name, "wire_model": name, **offered}]}
                for name in MODELS
            },
        },
        "tasks": TASKS,
    }


def a_week(number: int, kept: Documents) -> Week:
    """Return the decisions of one week, made by its policy."""
    begins = datetime.fromtimestamp(BEGIN_US // 1_000_000, UTC) + timedelta(weeks=number)
    names = {"policy": digest(kept.policy), "catalogue": digest(kept.catalogue)}
    compiled = compile_bundle(documents_of(kept.policy), names["policy"]).require()
    grants = tuple(_granted(number, begins))
    world = World(
        compiled.program,
        compiled.vocabulary,
        compiled.registry,
        fleet_of(kept.catalogue),
        names,
        grants=grants,
    )
    made = tuple(tuple(_decisions(kind, world, begins)) for kind in KINDS)
    return Week(names["policy"], names["catalogue"], grants, made)


def _granted(week: int, begins: datetime) -> Iterator[Grant]:
    """Yield what persons granted for that week: a waiver, and broken glass."""
    label = Label(Level(2, "confidential"))
    for kind, team in ((GrantKind.WAIVER, WAIVED), (GrantKind.BREAK_GLASS, BROKEN)):
        yield Grant(
            id=digest({"week": week, "kind": str(kind)}),
            kind=kind,
            zone="frontier",
            label=label,
            begins=begins,
            until=begins + timedelta(weeks=1),
            uses_max=100_000,
            treated_as=Label(Level(1, "internal")) if kind is GrantKind.WAIVER else UNSET,
            team=team,
        )


def _decisions(kind: Kind, world: World, now: datetime) -> Iterator[Decided]:
    """Yield the decision about such a request of each of its teams."""
    for number, team in enumerate(kind.teams):
        repos = (REPOS[number % len(REPOS)],) if kind.bound else ()
        envelope = an_envelope(
            caller={"team": team, "key_id": f"key-{team}", "repos": repos},
            claims=dict(kind.claims),
            surface=kind.surface,
        )
        ask = Ask(kind.model, stream=True, needs=frozenset({"tools"}))
        stamp, personal = Stamp(now, BOOT), personal_of(envelope, bytes(16))
        try:
            ruling = rule(gather(envelope, ask, kind.scan, world), world, now)
            yield decided(stamp, world, envelope, personal, ruling)
        except UnknownModel as error:
            yield turned_away(stamp, world, envelope, personal, error)
