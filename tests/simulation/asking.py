"""Random requests: who asks, what he claims, what is found, and how everybody behaves."""

from tests.simulation.bodies import MALFORMED, NEEDS
from tests.simulation.chance import Chance
from tests.simulation.policies import DETECTORS, KINDS, SURFACES, TEAMS
from tests.simulation.scenario import (
    Asked,
    Claim,
    Engine,
    Event,
    Fault,
    Found,
    Key,
    Size,
    Snapshot,
    Written,
)

NONE = Claim()
TURNS = ("one", "other")
FORMS = (
    "https://git.example.com/team/{}",
    "https://ada:PASSWORD@git.example.com/team/{}.git",
    "git@git.example.com:team/{}.git",
    "ssh://git@git.example.com:22/team/{}",
    "https://GIT.example.com/Team/{}/",
    "{}",
)
BAD_LABELS = ("Public ", "top-secret", "internal+", "internal+nobody", "internal@NOWHERE", "")
BAD_REPOS = ("nowhere", "C:\\work\\repo", "https://git.example.com/../x", "file:///etc/x", "")
SHAPES = ((6.0, "plain"), (2.0, "tools"), (1.0, "image"), (2.0, "odd"), (0.3, "refused"))
FAULTS = (
    (6.0, "ok"),
    (2.0, "refused"),
    (1.0, "connect_timeout"),
    (1.0, "timeout"),
    (2.0, "429"),
    (0.5, "429-late"),
    (1.0, "500"),
    (1.0, "503"),
    (1.0, "400"),
    (1.0, "context"),
    (0.5, "401"),
    (0.5, "302"),
    (0.5, "gzip"),
    (1.0, "garbage"),
    (0.5, "html"),
    (1.0, "cut_early"),
    (1.0, "cut_late"),
    (1.0, "error_early"),
    (1.0, "error_late"),
    (0.4, "remote"),
    (0.3, "crash"),
    (0.3, "crash_late"),
)


def draw_request(
    chance: Chance, number: int, snapshots: list[Snapshot], engines: list[Engine], size: Size
) -> Asked:
    """Return one request of this world."""
    documents = snapshots[0].documents
    canary = f"CANARY-{number}-{chance.below(1 << 20):05x}"
    turns = Chance(number, f"turn {canary}")
    body = chance.pick(MALFORMED) if chance.flip(0.03) else chance.weighed(SHAPES)
    surface = chance.pick(SURFACES)
    return Asked(
        name=_name(chance, snapshots, canary),
        canary=canary,
        key=_key(chance, documents),
        label=_label_claim(chance, documents["policy"], canary),
        repo=_repo_claim(chance, documents["repos"]["repos"]),
        hints=_hints(chance, documents["repos"]["repos"]),
        surface=surface,
        body=body,
        stream=chance.flip(0.5),
        needs=NEEDS.get(body, []),
        output_max=chance.weighed([(5, 16), (0.7, 2_000), (1, None)]),
        found=_found(chance),
        faults=[_fault(chance, engines, size) for _ in range(chance.below(size.faults + 1))],
        before=_events(chance, engines, size, 0.08),
        cancel_ms=chance.below(12) if chance.flip(0.06) else None,
        leaves_early=chance.flip(0.05),
        turn=turns.pick(TURNS) if turns.flip(0.4) else "",
    )


def _name(chance: Chance, snapshots: list[Snapshot], canary: str) -> str:
    snapshot = chance.pick(snapshots)
    offer = chance.pick(snapshot.offers)
    return chance.weighed(
        [
            (7, chance.pick(list(snapshot.tasks) or [offer.model])),
            (4, offer.model),
            (2, chance.pick(list(snapshot.aliases))),
            (1.5, f"{offer.backend}:{offer.wire_model}"),
            (0.3, f"no-such-{canary}"),
        ]
    )


def _key(chance: Chance, documents: dict[str, Written]) -> Key:
    repos = chance.subset(sorted(documents["repos"]["repos"]), 0.5)
    if chance.flip(0.02):
        repos.append("ghost")
    label = _written(chance, documents["policy"])[0] if chance.flip(0.3) else None
    if chance.flip(0.02):
        label = "cosmic"
    team, selects = chance.pick(TEAMS), chance.flip(0.4)
    names = [*documents["zones"]["zones"], "elsewhere"]
    zones = [name for name in names if chance.flip(0.7)] if chance.flip(0.2) else None
    return Key(team, label, repos, selects, zones)


def _written(chance: Chance, policy: Written) -> tuple[str, str, list[str], str | None]:
    """Return a label as text, and its parts."""
    level = policy["levels"][min(chance.below(len(policy["levels"])) for _ in range(3))]
    caveats = chance.subset(policy["caveats"], 0.1)
    places = chance.pick(sorted(policy["region_sets"]) or [""]) if chance.flip(0.2) else None
    text = level + "".join(f"+{caveat}" for caveat in caveats)
    return (f"{text}@{places}" if places else text), level, caveats, places or None


def _label_claim(chance: Chance, policy: Written, canary: str) -> Claim:
    if chance.flip(0.6):
        return NONE
    if chance.flip(0.05):
        return Claim("garbage", chance.pick((*BAD_LABELS, canary)))
    text, level, caveats, places = _written(chance, policy)
    return Claim("label", text, level, caveats, places)


def _repo_claim(chance: Chance, repos: Written) -> Claim:
    if chance.flip(0.55):
        return NONE
    if chance.flip(0.04):
        return Claim("garbage", chance.pick(BAD_REPOS))
    form = chance.pick(FORMS)
    if repos and chance.flip(0.7):
        repo = chance.pick(sorted(repos))
        return Claim("registered", form.format(repo), repo=repo)
    # WHY: the name of a registered one with a digit more: nothing may take it for that one.
    return Claim("unregistered", FORMS[chance.below(len(FORMS) - 1)].format("repo-19"))


def _hints(chance: Chance, repos: Written) -> list[Claim]:
    """Return what a tool tells of its folders; a text that is no address is nobody's repository."""
    if chance.flip(0.85):
        return []
    hints = [_repo_claim(chance, repos) for _ in range(2)]
    return [hint for hint in hints if hint.written not in (None, hint.repo)]


def _found(chance: Chance) -> Found:
    if chance.flip(0.7):
        return Found(crashes=chance.flip(0.015))
    pairs = chance.some([(d, k) for d in DETECTORS for k in KINDS], 0.12)
    findings = [(detector, kind, chance.flip(0.4)) for detector, kind in pairs]
    return Found(findings, chance.subset(DETECTORS, 0.1))


def _fault(chance: Chance, engines: list[Engine], size: Size) -> Fault:
    return Fault(
        how=chance.weighed(FAULTS),
        wait_ms=chance.pick((0, 0, 0, 2, 7)),
        events=_events(chance, engines, size, 0.1),
        switches=chance.flip(0.3),
    )


def _events(chance: Chance, engines: list[Engine], size: Size, share: float) -> list[Event]:
    if not (size.extras and chance.flip(share)):
        return []
    ways = ((3.0, "ill"), (3.0, "well"), (0.3, "quarantine"))
    return [
        Event(chance.weighed(ways), chance.pick(engines).name) for _ in range(1 + chance.below(2))
    ]
