"""A policy that can be run: clauses, zones, and the labels that are given by name."""

from collections.abc import Callable, Collection

from msgspec import Struct

from gateway.domain.decision import Facts
from gateway.domain.label import Label
from gateway.domain.path_glob import PathGlob
from gateway.domain.vocabulary import Vocabulary
from gateway.domain.zone import Zone
from gateway.policy.invariants import Invariant
from gateway.policy.language import RETENTION_FLOOR_DAYS

EVERY_KIND = "*"


class Clause(Struct, frozen=True):
    """One compiled rule.

    `matches` says whether all its conditions hold. `fits` asks those about the label alone, and
    `conditional` says that there are others: what a proof over all labels has to work with.
    `obliges` holds the words of the obligations of a rule that obliges; it has no zones. `kinds`
    are those of the findings that it asks for, EVERY_KIND where it asks for their number alone.
    """

    id: str
    permits: bool
    zones: frozenset[str]
    matches: Callable[[Facts], bool]
    fits: Callable[[Label], bool]
    conditional: bool
    reason: str = ""
    obliges: frozenset[str] = frozenset()
    kinds: frozenset[str] = frozenset()


class Asks(Struct, frozen=True):
    """What some rule asks of a request beside the facts that every request has."""

    keys: frozenset[str] = frozenset()
    clients: frozenset[str] = frozenset()
    counts: bool = False
    paths: tuple[PathGlob, ...] = ()


class Program(Struct, frozen=True):
    """The compiled policy.

    `digest` names the documents it was made of. `default` is the label where a key binds
    nothing, `raises` the label that findings of a detector join (`failed`: of a failed one;
    `detector/kind`: of one kind). `counts` says of how many findings a detector joins its label,
    `replies` what happens to its findings in replies (`tag` where it says nothing).
    `on_loss` is `refuse` or `record`. `passes` holds, by zone, the names of what may go there
    although it identifies or makes a provider act. `unseen_assistant` is the label that a turn of
    the model joins which never came from here; None where it joins none. `shadows` are the rules
    that are evaluated and recorded only, `duties` those that oblige; `asks` names what rules want
    to know. `restores_tools` says that placeholders are restored in arguments of tools too,
    `restores_addresses` in addresses. No record is pruned before it is `retention_floor_days` old.
    """

    digest: str
    clauses: tuple[Clause, ...]
    zones: dict[str, Zone]
    vocabulary: Vocabulary
    default: Label
    raises: dict[str, Label]
    on_loss: str = "record"
    retention_floor_days: int = RETENTION_FLOOR_DAYS
    passes: dict[str, frozenset[str]] = {}
    unseen_assistant: Label | None = None
    counts: dict[str, int] = {}
    replies: dict[str, str] = {}
    shadows: tuple[Clause, ...] = ()
    duties: tuple[Clause, ...] = ()
    asks: Asks = Asks()
    promises: tuple[Invariant, ...] = ()
    restores_tools: bool = False
    restores_addresses: bool = False

    def hides(self, rule_ids: Collection[str], kind: str, *, by_name: bool = False) -> bool:
        """Does one of these rules, which oblige to redact, ask for findings of that kind?"""
        return any(
            kind in clause.kinds or (EVERY_KIND in clause.kinds and not by_name)
            for clause in self.duties
            if clause.id in rule_ids
        )

    @property
    def passable(self) -> frozenset[str]:
        """What may go to some zone at all."""
        return frozenset[str]().union(*self.passes.values())
