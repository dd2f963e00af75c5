"""Texts under seal: off by default, kept where the node says so, read by three persons, erased."""

from hashlib import sha256
from pathlib import Path
from typing import Any

import msgspec
import pytest

from gateway.audit.canonical import commit
from gateway.audit.record import Decided, Settled
from gateway.ledger.subject_keys import KeyGone
from tests.doubles.gateway_folders import Ran, ran, started
from tests.doubles.ledger_sight import personal_of, verified
from tests.doubles.running_gateway import RunningGateway
from tests.doubles.serving_house import ANTHROPIC, FORMS, OPENAI, House
from tests.serving.conftest import TASKS, backends_of
from tests.serving.test_approvals import furnished, signed
from tests.serving.test_erasure import act, erase, found_in, of_kind, told

PROMPT = "c4n4ry-body-55ce"


@pytest.fixture
def keeping(template, engines, tmp_path) -> House:
    """A gateway that keeps bodies up to 10 kB, and is not started."""
    gateway = template.copy(tmp_path / "node", backends_of(engines), tasks=TASKS)
    more = "bodies: {keep: true, bytes_max: 10000}\n"
    return House(furnished(gateway, more), engines)


def record_of(gateway: RunningGateway, kind: type, record_id: str) -> Any:
    return next(one for one in of_kind(gateway, kind) if one.id == record_id)


def bodies_in(gateway: RunningGateway) -> list[Path]:
    return [path for path in (gateway.folder / "data" / "bodies").rglob("*") if path.is_file()]


def opened(house: House, record: str, approval: Path | None, out: str) -> Ran:
    node = str(house.gateway.node)
    said = () if approval is None else ("--approval", str(approval))
    folder = str(house.gateway.folder / out)
    return ran("decrypt", record, "--bodies", folder, *said, "--node", node)


def three_sign(house: House, record: str, *signers: str, origin: str = "demo/test") -> Path:
    return signed(house, "decrypt_bodies", {"origin": origin, "record": record}, *signers)


def test_nothing_is_kept_unless_the_node_says_so(house) -> None:
    heard = house.ask(OPENAI, OPENAI.body(PROMPT, "home-model"))
    house.record(heard.record)
    assert bodies_in(house.gateway) == []
    decided = record_of(house.gateway, Decided, heard.record)
    assert b'"body":' not in msgspec.json.encode(decided)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
def test_three_persons_read_the_very_bytes_that_the_record_commits_to(
    keeping, form, stream
) -> None:
    gateway = keeping.gateway
    with started(gateway):
        body = msgspec.json.encode(form.body(PROMPT, "home-model", stream=stream))
        heard = keeping.ask(form, body)
        assert heard.status == 200
        keeping.record(heard.record)
        assert found_in(gateway.folder, PROMPT) == []
        done = opened(
            keeping, heard.record, three_sign(keeping, heard.record, "ada", "bob", "cleo"), "out"
        )
        assert done.code == 0, done.err
        assert (gateway.folder / "out" / "request").read_bytes() == body
        reply = (gateway.folder / "out" / "reply").read_bytes()
        assert reply == heard.body
        assert (gateway.folder / "out" / "reply").stat().st_mode & 0o077 == 0
        decided = record_of(gateway, Decided, heard.record)
        salt = bytes.fromhex(personal_of(gateway, heard.record).salts["body"])
        assert commit(salt, sha256(body).digest()) == decided.commitment
        [facts] = told(gateway, "approval_used")
        assert facts["action"] == "decrypt_bodies"
        assert facts["scope"]["record"] == heard.record
    verified(gateway)


def test_nobody_reads_a_text_with_less_than_that(keeping) -> None:
    gateway = keeping.gateway
    with started(gateway):
        heard, other = (keeping.ask(OPENAI, OPENAI.body(PROMPT, "home-model")) for _ in range(2))
        keeping.record(heard.record)
        keeping.record(other.record)
        two = three_sign(keeping, heard.record, "ada", "bob")
        assert "too_few_approvers" in opened(keeping, heard.record, two, "a").err
        wrong = three_sign(keeping, other.record, "ada", "bob", "cleo")
        assert opened(keeping, heard.record, wrong, "b").code == 1
        elsewhere = three_sign(keeping, heard.record, "ada", "bob", "cleo", origin="demo/other")
        assert "another_ledger" in opened(keeping, heard.record, elsewhere, "c").err
        nothing = three_sign(keeping, "0193", "ada", "bob", "cleo")
        assert "unknown_record" in opened(keeping, "0193", nothing, "d").err
        assert opened(keeping, heard.record, None, "e").code == 1
        (gateway.folder / "odd.json").write_bytes(b"{}")
        assert opened(keeping, heard.record, gateway.folder / "odd.json", "f").code == 1
        once = three_sign(keeping, heard.record, "ada", "bob", "cleo")
        assert opened(keeping, heard.record, once, "g").code == 0
        assert "used" in opened(keeping, heard.record, once, "h").err
        written = [path for name in "abcdefh" for path in (gateway.folder / name).glob("*")]
        assert written == []
        assert found_in(gateway.folder / "data", PROMPT) == []


def test_what_is_too_large_is_not_kept_and_the_record_says_so(keeping) -> None:
    gateway = keeping.gateway
    with started(gateway):
        heard = keeping.ask(ANTHROPIC, ANTHROPIC.body("x" * 10_001, "home-model"))
        assert heard.status == 200
        keeping.record(heard.record)
        assert record_of(gateway, Decided, heard.record).body == "too_large"
        assert len(record_of(gateway, Settled, heard.record).reply_body) == 32
        approval = three_sign(keeping, heard.record, "ada", "bob", "cleo")
        assert (
            "the request was not kept: too_large"
            in opened(keeping, heard.record, approval, "o").out
        )


def test_what_policy_refuses_is_not_kept(keeping) -> None:
    gateway = keeping.gateway
    with started(gateway):
        heard = keeping.ask(OPENAI, OPENAI.body(PROMPT, "cloud-model"), "payments")
        assert heard.status == 400
        assert bodies_in(gateway) == []


def test_bodies_go_with_whoever_is_erased(keeping) -> None:
    gateway = keeping.gateway
    with started(gateway):
        mine = keeping.ask(OPENAI, OPENAI.body(PROMPT, "home-model"))
        other = keeping.ask(OPENAI, OPENAI.body(PROMPT, "home-model"), "payments")
        keeping.record(mine.record)
        keeping.record(other.record, "payments")
        assert len(bodies_in(gateway)) == 4
        assert erase(keeping).code == 0
        assert len(bodies_in(gateway)) == 2
        [facts] = told(gateway, "erased")
        assert facts["bodies"] == 2
        with pytest.raises(KeyGone):
            personal_of(gateway, mine.record)
        approval = three_sign(keeping, mine.record, "ada", "bob", "cleo")
        gone = opened(keeping, mine.record, approval, "mine")
        assert (gone.code, "erased" in gone.err) == (1, True)
    verified(gateway)


def test_a_body_that_cannot_be_kept_lets_nothing_leave(keeping) -> None:
    gateway = keeping.gateway
    bodies = gateway.folder / "data" / "bodies"
    bodies.write_bytes(b"no folder")
    with started(gateway), keeping.nothing_sent():
        heard = keeping.ask(OPENAI, OPENAI.body(PROMPT, "home-model"))
        assert heard.status == 503


def test_bodies_that_are_over_go_at_the_next_look_and_are_told_first(keeping) -> None:
    gateway = keeping.gateway
    with started(gateway):
        heard = keeping.ask(OPENAI, OPENAI.body(PROMPT, "home-model"))
        keeping.record(heard.record)
    for day in (gateway.folder / "data" / "bodies").glob("*/*"):
        day.rename(day.with_name("2020-01-01"))
    with started(gateway):
        for _ in range(200):
            if not bodies_in(gateway):
                break
            keeping.get("/v1/models")
        assert bodies_in(gateway) == []
        [facts] = told(gateway, "bodies_pruned")
        assert (facts["bodies"], facts["held"]) == (2, 0)
    verified(gateway)


def test_the_officer_reads_what_is_personal_and_the_ledger_says_so_first(keeping) -> None:
    gateway = keeping.gateway
    with started(gateway):
        heard = keeping.ask(OPENAI, OPENAI.body(PROMPT, "home-model"))
        keeping.record(heard.record)
        read = act(keeping, "decrypt", heard.record)
        assert read.code == 0, read.err
        assert "ada@example.com" in read.out
        assert PROMPT not in read.out
        [facts] = told(gateway, "approval_used")
        assert (facts["action"], facts["scope"]["record"]) == ("decrypt", heard.record)
        refused = act(keeping, "decrypt", heard.record, key="eve")
        assert (refused.code, "ada@example.com" in refused.out) == (1, False)
        assert ran("decrypt", heard.record, "--node", str(gateway.node)).code == 1
        assert erase(keeping).code == 0
        gone = act(keeping, "decrypt", heard.record)
        assert (gone.code, "erased" in gone.err) == (1, True)
    # Where no gateway runs, it is recorded all the same.
    with started(gateway):
        heard = keeping.ask(OPENAI, OPENAI.body(PROMPT, "home-model"))
        keeping.record(heard.record)
    before = len(told(gateway, "approval_used"))
    assert "ada@example.com" in act(keeping, "decrypt", heard.record).out
    assert len(told(gateway, "approval_used")) == before + 1
