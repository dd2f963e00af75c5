"""What Admin records say in their facts: both verifiers believe the same, in whatever form."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from msgspec.structs import replace

from gateway.audit.canonical import encode
from gateway.audit.checkpoint import vkey_of
from gateway.audit.ends import Carried, Former, Next, facts_of
from gateway.audit.record import Admin, Record
from gateway.audit.verify import verify
from tests.doubles.records import BOOT, NOW_US, a_decided, an_admin, an_attempted, an_id
from tests.doubles.static_logs import CREATED, KEY, ORIGIN, STARTED, VKEY, judged, write_log
from tests.export.test_alone_forms import bent
from tests.export.test_forged_records import DIGEST, GRANT, SIGNED

S = 1_000_000
LATER = f"{ORIGIN}/0002-2026-12"
FRESH = str(vkey_of(ORIGIN, Ed25519PrivateKey.from_private_bytes(b"2" * 32)))
FOLLOWING = replace(
    CREATED, facts=CREATED.facts | {"former": facts_of(Former("perimeter.example/a", 9, "ab" * 32))}
)
OPEN = Carried(an_id("r"), BOOT, frozenset({"eu", "on_prem"}), ("qwen3-coder@on_prem",))
CARRIED = an_admin("carried", boot="", facts=facts_of(OPEN))
TOLD = {"origin": "perimeter.example/a", "size": 9, "root": "ab" * 32}
# Each with what stands before the record whose facts are bent, and what stands after it.
SCENES: dict[str, tuple[tuple[Record, ...], Admin, tuple[Record, ...]]] = {
    "created": ((), CREATED, (STARTED,)),
    "following": ((), FOLLOWING, (STARTED,)),
    "carried": ((FOLLOWING,), CARRIED, (STARTED, an_attempted("r"))),
    "carried after an attempt": (
        (FOLLOWING,),
        replace(CARRIED, facts=CARRIED.facts | {"attempts": [["qwen3-coder@on_prem", "on_prem"]]}),
        (STARTED, an_attempted("r", 2)),
    ),
    "started": (
        (CREATED,),
        replace(STARTED, facts={"heartbeat_s": 60}),
        (an_admin("heartbeat", ts_us=NOW_US + 95 * S),),
    ),
    "started back": (
        (CREATED, replace(STARTED, ts_us=NOW_US + 3_600 * S)),
        an_admin("started", "again", boot="b", facts={"clock_from_us": NOW_US}),
        (),
    ),
    "stored": (
        (CREATED, STARTED),
        an_admin("document_stored", facts={"digest": DIGEST}),
        (a_decided("r"),),
    ),
    "approved": (
        (CREATED, STARTED),
        an_admin("approval_used", facts=SIGNED),
        (a_decided("r", granted=GRANT),),
    ),
    "rotated": ((CREATED, STARTED), an_admin("key_rotated", facts={"vkey": FRESH}), ()),
    "pruned": ((CREATED, STARTED), an_admin("pruned", facts=TOLD), ()),
    "closed": (
        (CREATED, STARTED),
        an_admin("shard_closed", facts=facts_of(Next(LATER, str(vkey_of(LATER, KEY))))),
        (),
    ),
    "rotated to itself": ((CREATED, STARTED), an_admin("key_rotated", facts={"vkey": VKEY}), ()),
}  # fmt: skip


def rebent(value: Any) -> Iterator[Any]:
    """Yield the facts with one part of them at a time in another form."""
    yield from (one for one in bent(value) if isinstance(one, dict))
    for name, text in value.items():
        if isinstance(text, str):
            for other in (
                f"{text}\n",
                f" {text}",
                text.upper(),
                text + "x",
                text.replace("+", "-"),
            ):
                yield value | {name: other}


@pytest.mark.parametrize("scene", SCENES)
def test_facts_in_any_form_are_believed_by_both_or_by_neither(tmp_path: Path, scene: str) -> None:
    before, told, after = SCENES[scene]
    verdicts = set()
    for facts in (told.facts, *rebent(told.facts)):
        entries = [encode(one) for one in (*before, replace(told, facts=facts), *after)]
        note = write_log(tmp_path / "log", entries)
        report, own = judged(tmp_path / "log"), verify(entries, note, VKEY)
        shutil.rmtree(tmp_path / "log")
        said = (report["verdict"], report["first_bad"])
        assert said == (str(own.verdict), own.first_bad), (facts, report, own)
        if own.verdict == "whole":
            assert (report["gaps"], report["silence_s"]) == (own.gaps, own.silence_us // S), facts
        verdicts.add(str(own.verdict))
    assert verdicts
