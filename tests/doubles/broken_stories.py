"""Records that break a rule of the log, each with the words that say which."""

from msgspec.structs import replace

from gateway.audit.story import CLOCK_BACK_US_MAX
from gateway.domain.decision import Effect
from gateway.domain.route import OutcomeKind
from tests.doubles.records import (
    BOOT,
    NOW_US,
    a_decided,
    a_decision,
    a_settled,
    a_try,
    an_admin,
    an_attempted,
)

POLICY = "sha256:" + "a" * 64
NAMED = {"policy": POLICY}
STORED = an_admin("document_stored", facts={"digest": POLICY})
HOME, ABROAD = "qwen3-coder@on_prem", "qwen3-coder@eu"
DENIED = a_decision(effect=Effect.DENY)
ANOTHER = replace(a_decision("on_prem"), policy="sha256:" + "b" * 64)
LATER = (an_admin("stopped"), an_admin("started", "again", boot="later"))
UNTRIED = {"served_by": None, "zone": None, "tried": ()}
BEGINNING = (
    an_admin("created", boot="", facts={"origin": "perimeter.example/gw-0"}),
    an_admin("started"),
)


TRIED = (a_decided("r"), an_attempted("r"))
ENDED = (*TRIED, a_settled("r"))
THIRD = an_attempted("r", 3)
LOST_AND_TOLD = a_settled("r", boot="later", outcome=OutcomeKind.LOST, tried=(a_try(1),))

BROKEN = [
    ([a_decided("r"), a_decided("r")], "decided already"),
    ([a_decided("r"), an_attempted("r"), a_settled("r"), a_decided("r")], "decided already"),
    ([an_attempted("r")], "not decided"),
    ([a_settled("r")], "not decided"),
    ([*ENDED, an_attempted("r")], "settled already"),
    ([*ENDED, a_settled("r")], "settled already"),
    ([a_decided("r"), an_attempted("r", 2)], "attempt 2"),
    ([a_decided("r"), an_attempted("r", 0)], "attempt 0"),
    ([a_decided("r"), an_attempted("r"), an_attempted("r")], "attempt 1"),
    ([a_decided("r"), an_attempted("r", zone="us_cloud")], "outside the boundary"),
    ([a_decided("r", decision=a_decision()), an_attempted("r")], "outside the boundary"),
    ([a_decided("r", documents={"policy": POLICY})], "not stored before"),
    ([an_admin("created", "again", boot=BOOT)], "created once"),
    ([an_admin("quarantined", "x"), an_admin("quarantined", "x")], "exists already"),
    ([an_admin("started", "again")], "started already"),
    ([a_decided("r", boot="another")], "another boot"),
    ([an_admin("quarantined", boot="another")], "another boot"),
    ([an_admin("stopped"), a_decided("r")], "no gateway had started"),
    ([an_admin("stopped"), an_admin("quarantined")], "no gateway had started"),
    ([a_decided("r", ts_us=NOW_US - CLOCK_BACK_US_MAX - 1)], "time"),
    ([a_decided("r"), an_attempted("r", ts_us=NOW_US - CLOCK_BACK_US_MAX - 1)], "time"),
    ([a_decided("r"), an_attempted("r", offering=ABROAD)], "no candidate"),
    ([a_decided("r"), an_attempted("r", 1), an_attempted("r", 2), THIRD], "more often"),
    ([a_decided("r", decision=a_decision("on_prem", effect=Effect.DENY))], "permits nothing"),
    ([a_decided("r", decision=DENIED, candidates=(HOME,))], "permits nothing"),
    ([a_decided("r", decision=DENIED), an_attempted("r")], "outside the boundary"),
    ([STORED, a_decided("r", documents={})], "by which documents"),
    (
        [STORED, a_decided("r", documents=NAMED, decision=ANOTHER)],
        "by another policy",
    ),
    ([STORED, a_decided("r", documents={}, decision=DENIED)], "by which documents"),
    ([a_decided("r"), a_settled("r", **UNTRIED)], "without any attempt"),
    ([a_decided("r"), a_settled("r", outcome=OutcomeKind.FAILED, zone="on_prem")], "served"),
    ([*TRIED, a_settled("r", zone="eu")], "was served"),
    ([*TRIED, a_settled("r", served_by=ABROAD)], "was served"),
    ([*TRIED, a_settled("r", served_by=None)], "was served"),
    ([*TRIED, a_settled("r", tried=(a_try(2),))], "attempts that it tells"),
    ([*TRIED, a_settled("r", tried=(a_try(1), a_try(2)))], "attempts that it tells"),
    ([*TRIED, a_settled("r", tried=(a_try(1, ABROAD),))], "attempts that it tells"),
    ([*TRIED, a_settled("r", tried=(a_try(1, zone="eu"),))], "attempts that it tells"),
    ([*TRIED, an_attempted("r", 2), a_settled("r", tried=())], "attempts that it tells"),
    ([*TRIED, a_settled("r", outcome=OutcomeKind.LOST)], "a later boot"),
    ([*TRIED, *LATER, a_settled("r", boot="later")], "a later boot"),
    ([a_decided("r"), *LATER, an_attempted("r", boot="later")], "a later boot"),
    ([*TRIED, *LATER, LOST_AND_TOLD], "tells how"),
    ([an_admin("launched")], "no gateway writes"),
    ([an_admin("document_stored", facts={"digest": "sha256:\x1b[2J"})], "without a digest"),
    ([an_admin("document_stored")], "without a digest"),
    ([replace(a_decided("r"), id="../../x\x1b[2J")], "form of an id"),
    ([replace(an_admin("quarantined"), id="quarantined")], "form of an id"),
    ([an_admin("stopped"), replace(an_admin("started", "x"), boot="b")], "form of an id"),
]
