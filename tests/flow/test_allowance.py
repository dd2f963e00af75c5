"""What a key allows is decided, recorded, and made again from the record alone."""

from typing import Any

import pytest
from msgspec import UNSET
from msgspec.structs import replace

from gateway.audit import canonical
from gateway.domain.caller import Allowance
from gateway.domain.decision import Effect
from gateway.flow.replay import replay
from tests.doubles.houses import Stage, an_envelope, chat
from tests.flow.test_replay import a_store, recorded

pytestmark = pytest.mark.anyio
HOME = frozenset({"on_prem"})
LIMITS: dict[str, tuple[Allowance, str]] = {
    "zones": (Allowance(zones=HOME), "permitted"),
    "other zones": (Allowance(zones=frozenset({"elsewhere"})), "key_zone"),
    "names": (Allowance(names=frozenset({"plan"})), "permitted"),
    "a clearance": (Allowance(clearances=("public",)), "permitted"),
    "no clearance": (Allowance(clearances=()), "above_clearance"),
}


def asked(allowance: Allowance) -> dict[str, Any]:
    return {"caller": {"repos": ("website",), "allowance": allowance}}


@pytest.mark.parametrize(("allowance", "reason"), LIMITS.values(), ids=LIMITS.keys())
async def test_a_limited_decision_is_made_again_from_its_record(allowance, reason) -> None:
    store = a_store()
    record = recorded(store, **asked(allowance))
    assert record.decision.reason == reason
    assert record.allowance == allowance
    assert replay(record, store.__getitem__) == ()
    if reason != "permitted":
        assert (record.decision.boundary, record.candidates) == (frozenset(), ())
    forged = replace(record, allowance=UNSET)
    assert replay(forged, store.__getitem__) != () or allowance.clearances == ("public",)


async def test_a_key_without_limits_leaves_a_record_as_it_was() -> None:
    record = recorded(a_store(), caller={"repos": ("website",)})
    entry = canonical.encode(record)
    for word in (b"allowance", b"known_by", b"on_behalf_of"):
        assert word not in entry


async def test_what_a_key_does_not_allow_is_refused_in_words_and_not_sent() -> None:
    stage = Stage()
    body = chat("code")
    envelope = an_envelope(body, caller={"allowance": Allowance(names=frozenset({"other"}))})
    status, _, told = await stage.ask(envelope)
    assert status == 400
    assert b"does not allow this model" in told
    (record,) = stage.ledger.decided
    assert record.decision.effect is Effect.PERMIT
    assert {one.reason for one in record.excluded} == {"not_allowed"}
    assert stage.ledger.attempted == []


async def test_a_fallback_stays_in_the_zones_of_the_key() -> None:
    stage = Stage()
    envelope = an_envelope(chat("code"), caller={"allowance": Allowance(zones=HOME)})
    await stage.ask(envelope)
    assert {one.zone for one in stage.ledger.attempted} <= HOME
    (record,) = stage.ledger.decided
    assert record.decision.boundary == HOME


async def test_a_key_zone_is_counted_as_a_denial_of_its_own() -> None:
    stage = Stage()
    elsewhere = Allowance(zones=frozenset({"elsewhere"}))
    await stage.ask(an_envelope(chat("code"), caller={"allowance": elsewhere}))
    assert ("denial", "key_zone") in stage.meters.counted
