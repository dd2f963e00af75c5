"""A node file that says something else than what the gateway runs with: told, and not taken."""

from pathlib import Path

from msgspec import Struct

from gateway.config.node import Node, load_node
from gateway.domain.errors import ConfigError

CONFIG_DRIFT = "config_drift"


class Drift(Struct, frozen=True):
    """How the node file differs: the names of its parts that changed, or how many problems it has.

    `words` say it to people, and are empty where nothing differs.
    """

    changed: tuple[str, ...] = ()
    problems: int = 0
    words: str = ""

    @property
    def facts(self) -> dict[str, object]:
        """What the ledger is told: no value of the file."""
        return {"changed": list(self.changed), "problems": self.problems}


NO_DRIFT = Drift()


def drift_of(node: Node) -> Drift:
    """Return how the file of that node differs from it by now; it blocks."""
    path = Path(node.document.file)
    try:
        now = load_node(path).settings
    except ConfigError as error:
        words = f"{path.name} cannot be used: the next start would fail"
        return Drift((), len(error.problems), words)
    old = node.settings
    changed = tuple(
        name for name in old.__struct_fields__ if getattr(now, name) != getattr(old, name)
    )
    if not changed:
        return NO_DRIFT
    words = f"{path.name} changed ({', '.join(changed)}): it takes effect with the next start"
    return Drift(changed, 0, words)
