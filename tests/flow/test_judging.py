import pytest

from gateway.domain.decision import Decision, Effect, Finding, Scan
from gateway.flow.judging import Asked, Judge, joined
from tests.doubles.houses import an_envelope
from tests.doubles.policies import NOW

FOUND = Scan((Finding("secrets", "a", "/x", 0, 1),), ("personal",))
NO = Decision(Effect.PERMIT, frozenset({"on_prem"}), (), "permitted", "", NOW)


class Strict:
    """A judge that finds something in everything."""

    name = "strict"

    async def judge(self, asked: Asked) -> Scan:
        assert asked.decision.boundary == {"on_prem"}
        return Scan((Finding(self.name, "odd", "", 0, 0),), (self.name,))


async def asked_of(judge: Judge) -> Scan:
    return await judge.judge(Asked(an_envelope(), FOUND, NO))


@pytest.mark.anyio
async def test_a_judge_only_ever_adds() -> None:
    said = await asked_of(Strict())
    assert joined(FOUND, [said]) == Scan((*FOUND.findings, *said.findings), ("personal", "strict"))
    assert joined(FOUND, [Scan()]) == FOUND
