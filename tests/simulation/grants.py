"""Random grants: statements that persons sign rightly or wrongly, and what is known of each.

They go the way of the inbox: read, checked, understood, folded from the record that says so.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from random import Random

from msgspec import Struct
from msgspec.structs import replace

from gateway.app.granting import grant_of, grants_of, spent_of
from gateway.app.moment import EPOCH
from gateway.audit.record import Admin
from gateway.domain.approval import Action, Approval, Statement
from gateway.domain.grant import Grant
from gateway.domain.label import Label
from gateway.flow.ports import World
from gateway.identity.approvals import NotApproved, check, read_approval, write_approval
from gateway.stores.standing import USED, Standing, active_of, facts_of, taken, used_once
from tests.doubles.signatories import signed_by, some_persons
from tests.simulation.policies import TEAMS

STATEMENTS = 6
RIGHT = "right"
US = timedelta(microseconds=1)
HOUR = timedelta(hours=1)
ENDS = (HOUR, HOUR, HOUR, US, timedelta(), -HOUR)
# Dan asks for policies alone; nobody knows eve.
PERSONS = some_persons({"dan": ["policy"]})


class Known(Struct, frozen=True):
    """One statement as it was drawn: whom it serves, where, how long, and how it was signed.

    `grant` is what it says, in the form in which a decision takes it; None where it says nothing.
    `left` is how many requests it may still serve.
    """

    id: str
    how: str
    grant: Grant | None
    zone: str
    label: Label | None
    treated: Label | None
    begins: datetime
    until: datetime
    left: int
    whose: dict[str, str]
    revoked: bool

    @property
    def stands(self) -> bool:
        """Was it rightly signed, and is it not revoked?"""
        return self.how == RIGHT and not self.revoked


Change = Callable[[Statement, datetime], Approval]


def _over(statement: Statement, at: datetime) -> Approval:
    return signed_by(replace(statement, until_us=_us(at)), "ada", "bob", "cleo")


def _early(statement: Statement, at: datetime) -> Approval:
    return signed_by(replace(statement, from_us=_us(at + US)), "ada", "bob", "cleo")


def _long(statement: Statement, _: datetime) -> Approval:
    long = statement.from_us + 367 * 86_400_000_000
    return signed_by(replace(statement, until_us=long), "ada", "bob", "cleo")


def _another(statement: Statement, _: datetime) -> Approval:
    signed = signed_by(statement, "ada", "bob", "cleo")
    return replace(signed, statement=replace(statement, nonce="f" * 32))


def _swapped(statement: Statement, _: datetime) -> Approval:
    signed = signed_by(statement, "ada", "bob", "cleo")
    first, second = signed.approvers
    return replace(signed, requester=first, approvers=(signed.requester, second))


def _unsaid(statement: Statement, _: datetime) -> Approval:
    scope = {name: text for name, text in statement.scope.items() if name != "uses"}
    return signed_by(replace(statement, scope=scope), "ada", "bob", "cleo")


def _unknown(statement: Statement, _: datetime) -> Approval:
    name = "from" if statement.action is Action.WAIVER else "label"
    scope = {**statement.scope, name: "cosmic"}
    return signed_by(replace(statement, scope=scope), "ada", "bob", "cleo")


WAYS: tuple[tuple[str, Change], ...] = (
    ("who asks approves", lambda one, _: signed_by(one, "ada", "bob", "ada")),
    ("the same person twice", lambda one, _: signed_by(one, "ada", "bob", "bob")),
    ("too few persons", lambda one, _: signed_by(one, "ada")),
    ("a stranger", lambda one, _: signed_by(one, "ada", "bob", "eve")),
    ("one who may not", lambda one, _: signed_by(one, "ada", "bob", "dan")),
    ("over when it was handed in", _over),
    ("not yet begun", _early),
    ("too long", _long),
    ("another text", _another),
    ("signatures changed about", _swapped),
    ("a word is missing", _unsaid),
    ("a label that nobody knows", _unknown),
)


class _Hand:
    """Draws the statements of one world, and hands them in."""

    def __init__(self, seed: int, world: World, now: datetime) -> None:
        self._chance = Random(f"{seed}:grants")  # noqa: S311 - worlds, not secrets
        self._world = world
        self._now = now
        self._handed = now - 2 * HOUR
        self.standing = Standing()

    def known(self, number: int) -> Known:
        """Draw one, hand it in, use it a few times, and perhaps revoke it."""
        statement = self._statement(number)
        how, approval = self._signed(statement)
        grant = self._taken(approval)
        rightly = how == RIGHT and grant is not None
        revoked = rightly and self._chance.random() < 0.1
        uses, most = self._chance.choice((0, 0, 1, 2)), int(statement.scope["uses"])
        if grant is not None:
            for _ in range(uses):
                self.standing = used_once(self.standing, grant.id)
            if revoked:
                self._revoke(grant.id, number)
        return self._as_drawn(statement, how, grant, (max(0, most - uses), revoked))

    def _as_drawn(
        self, statement: Statement, how: str, grant: Grant | None, left: tuple[int, bool]
    ) -> Known:
        scope, waives = statement.scope, statement.action is Action.WAIVER
        words = self._world.vocabulary
        return Known(
            id="" if grant is None else grant.id,
            how=how,
            grant=grant,
            zone=scope["zone"],
            label=words.parse(scope["from" if waives else "label"]),
            treated=words.parse(scope["to"]) if waives else None,
            begins=EPOCH + timedelta(microseconds=statement.from_us),
            until=EPOCH + timedelta(microseconds=statement.until_us),
            left=left[0],
            whose={name: scope[name] for name in ("repo", "team", "key") if name in scope},
            revoked=left[1],
        )

    def _statement(self, number: int) -> Statement:
        chance = self._chance
        waives = chance.random() < 0.5
        zones = [*sorted(self._world.program.zones), "z-gone"]
        place = chance.randrange(len(zones)) if chance.random() < 0.1 else -2
        scope = {"zone": zones[place] if place >= 0 else chance.choice(zones[:-1])}
        scope |= self._labels(waives=waives)
        scope |= {"uses": str(chance.choice((1, 2, 3)))}
        scope |= self._whose(least=1 if waives else 0)
        return Statement(
            action=Action.WAIVER if waives else Action.BREAK_GLASS,
            scope=scope,
            reason="somebody asked",
            nonce=f"{number:032x}",
            from_us=_us(self._handed),
            until_us=_us(self._now + chance.choice(ENDS)),
        )

    def _labels(self, *, waives: bool) -> dict[str, str]:
        """Return what a request may be labelled, and as what it is treated: lower, and no other."""
        chance, words = self._chance, self._world.vocabulary
        high = chance.choice((words.levels[-1], words.levels[-1], *words.levels[1:]))
        caveats = [one for one in sorted(words.caveats) if chance.random() < 0.8]
        bound = bool(words.region_sets) and chance.random() < 0.2
        at = f"@{chance.choice(sorted(words.region_sets))}" if bound else ""
        label = high + "".join(f"+{one}" for one in caveats) + at
        if not waives:
            return {"label": label}
        kept = [one for one in caveats if chance.random() < 0.2]
        lower = chance.choice(words.levels[: words.levels.index(high)])
        free = "" if chance.random() < 0.5 else at
        return {"from": label, "to": lower + "".join(f"+{one}" for one in kept) + free}

    def _whose(self, *, least: int) -> dict[str, str]:
        chance = self._chance
        repos = sorted(self._world.registry.repos)
        words = {
            "team": chance.choice(TEAMS),
            "key": chance.choice(("key-1", "key-1", "key-1", "key-2")),
            "repo": chance.choice(repos or ["repo-9"]),
        }
        found = {name: text for name, text in words.items() if chance.random() < 0.2}
        return found if len(found) >= least else {"key": words["key"]}

    def _signed(self, statement: Statement) -> tuple[str, Approval]:
        chance = self._chance
        if chance.random() < 0.75:
            waives = statement.action is Action.WAIVER
            others = ("bob",) if waives else ("bob", "cleo")
            return RIGHT, signed_by(statement, "ada", *others)
        how, change = chance.choice(WAYS)
        return how, change(statement, self._handed)

    def _taken(self, approval: Approval) -> Grant | None:
        """Return what the statement grants, if it is believed."""
        read = read_approval(write_approval(approval))
        at = _us(self._handed)
        try:
            approved = check(read, PERSONS, at, self.standing.used)
            grant = grant_of(approved.digest, active_of(approved), self._world.vocabulary)
        except NotApproved:
            return None
        self.standing = taken(self.standing, Admin("1", at, "b", USED, facts_of(approved, "d")))
        return grant

    def _revoke(self, grant: str, number: int) -> None:
        at = _us(self._handed)
        statement = Statement(
            action=Action.REVOKE,
            scope={"approval": grant},
            reason="no longer",
            nonce=f"{number + STATEMENTS:032x}",
            from_us=at,
            until_us=at + 1,
        )
        approved = check(signed_by(statement, "bob"), PERSONS, at, self.standing.used)
        self.standing = taken(self.standing, Admin("1", at, "b", USED, facts_of(approved, "d")))


def with_grants(seed: int, world: World, now: datetime) -> tuple[World, tuple[Known, ...]]:
    """Return the world with what persons granted in it, and what is known of every statement."""
    hand = _Hand(seed, world, now)
    known = tuple(hand.known(number) for number in range(STATEMENTS))
    grants = grants_of(hand.standing, world.vocabulary)
    return replace(world, grants=grants, spent=spent_of(grants, hand.standing)), known


def serves(known: Known, facts: tuple[str, object, frozenset[str], frozenset[str]]) -> bool:
    """Was it signed for a request of that team, key and repositories, bound and claimed?"""
    team, key, bound, claimed = facts
    repo = known.whose.get("repo")
    if repo is not None and (not bound or any(one != repo for one in (*bound, *claimed))):
        return False
    return known.whose.get("team") in (None, team) and known.whose.get("key") in (None, key)


def _us(at: datetime) -> int:
    return (at - EPOCH) // US
