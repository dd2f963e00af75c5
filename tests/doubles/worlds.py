"""The world that the flow sees, made of the demo's policy and a fleet."""

from functools import cache
from typing import Any

from gateway.domain.document import Document
from gateway.domain.fleet import Fleet
from gateway.flow.ports import World
from gateway.policy.compile import Compiled, compile_bundle
from tests.doubles.policies import ANYWHERE, shipped

DOCUMENTS = {"policy": "sha256:policy", "catalogue": "sha256:catalogue"}


@cache
def demo_policy() -> Compiled:
    return compile_bundle(shipped("demo"), DOCUMENTS["policy"]).require()


def demo_with(*rules: dict[str, Any]) -> Compiled:
    """The demo's policy with these rules beside one that permits its zones."""
    documents = shipped("demo")
    policy = dict(documents["policy"].value)
    policy["rules"] = [ANYWHERE | {"zones": ["on_prem", "frontier"]}, *rules]
    documents["policy"] = Document("policy.yaml", policy)
    return compile_bundle(documents, DOCUMENTS["policy"]).require()


def a_world(fleet: Fleet, compiled: Compiled | None = None) -> World:
    compiled = compiled or demo_policy()
    return World(
        program=compiled.program,
        vocabulary=compiled.vocabulary,
        registry=compiled.registry,
        fleet=fleet,
        documents=DOCUMENTS,
    )


class ManualWorlds:
    """The current snapshot, which a test may change between two attempts."""

    def __init__(self, world: World) -> None:
        self.world = world

    def now(self) -> World:
        return self.world
