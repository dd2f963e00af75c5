"""`perimeter export` beside a running gateway and without one: recorded, or not made."""

import shutil
import subprocess
import sys
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import msgspec
import pytest

from gateway.audit.record import Decided
from gateway.cli import handing
from tests.doubles.gateway_folders import ran, started
from tests.doubles.ledger_sight import records, verified
from tests.doubles.serving_house import OPENAI, House, until
from tests.serving.conftest import TASKS, backends_of
from tests.serving.test_approvals import furnished, signed, told

SUBJECT = "ada@example.com"


@pytest.fixture
def idle(template, engines, tmp_path) -> House:
    """A house whose gateway does not run."""
    gateway = furnished(template.copy(tmp_path / "node", backends_of(engines), tasks=TASKS))
    return House(gateway, engines)


@pytest.fixture
def house(idle) -> Iterator[House]:
    with started(idle.gateway):
        assert idle.ask(OPENAI, OPENAI.body("hello")).status == 200
        until(lambda: sealed(idle) == len(records(idle.gateway)), "every record is signed")
        yield idle


def sealed(house: House) -> int:
    return int((house.gateway.ledger / "checkpoint").read_text().split("\n")[1])


def export(house: House, out: Path, *words: str, key: str = "ada") -> Any:
    node, pem = str(house.gateway.node), str(house.gateway.folder / f"{key}.pem")
    return ran("export", str(out), "--node", node, "--key", pem, "--reason", "an audit", *words)


def alone(out: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Verify as an auditor does: with the file that came with the export."""
    return subprocess.run(
        [sys.executable, "-I", str(out / "verify_bundle.py"), str(out), *words],
        capture_output=True,
        text=True,
        check=False,
    )


def digest_of(path: Path) -> str:
    return f"sha256:{sha256(path.read_bytes()).hexdigest()}"


def test_adv_85_an_export_is_redacted_recorded_and_verifies_by_itself(
    house, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    done = export(house, out)
    assert done.code == 0, done.err
    (facts,) = told(house, "exported")
    assert facts["digest"] == digest_of(out / "MANIFEST.json")
    assert (facts["from"], facts["to"], facts["profile"]) == ("open", "open", "redacted")
    (used,) = told(house, "approval_used")
    assert facts["exporter"] == used["requester"]
    assert facts["statement"] == used["approval"]
    vkey = (house.gateway.ledger / "vkey").read_text().strip()
    said = alone(out, "--vkey", vkey)
    assert said.returncode == 0, said.stdout + said.stderr
    assert not list(tmp_path.glob("*.part"))
    assert verified(house.gateway).reason == ""


def test_an_export_of_a_stopped_gateway_is_recorded_under_its_lock(idle, tmp_path: Path) -> None:
    out = tmp_path / "out"
    done = export(idle, out)
    assert done.code == 0, done.err
    (facts,) = told(idle, "exported")
    assert facts["digest"] == digest_of(out / "MANIFEST.json")
    assert alone(out).returncode == 0
    told_of = ran(
        "audit", "exports", "--copy", "--ledger", str(idle.gateway.ledger), "--as", "json"
    )
    (row,) = msgspec.json.decode(told_of.out)["rows"]
    assert (row["digest"], row["from_time"]) == (facts["digest"], "open")


@pytest.mark.parametrize(
    ("words", "key", "why"),
    [
        ((), "eve", "unknown_key"),
        (("--from", "yesterday"), "ada", "Invalid isoformat"),
        (("--to", "1999-01-01"), "ada", "no record lies in that time"),
        (("--profile", "full"), "ada", "has an --approval"),
    ],
)
def test_what_is_not_recorded_is_not_made(idle, tmp_path: Path, words, key: str, why: str) -> None:
    done = export(idle, tmp_path / "out", *words, key=key)
    assert (done.code != 0, why in done.err) == (True, True), done.err
    assert list(tmp_path.glob("out*")) == []
    assert told(idle, "exported") == []


def test_a_place_that_is_taken_is_left_alone(idle, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    assert export(idle, tmp_path / "out").code == 1
    assert list((tmp_path / "out").iterdir()) == []


def test_an_export_that_no_gateway_takes_is_not_made_and_not_recorded_later(
    house, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(handing, "ANSWER_S_MAX", 0.0)
    inbox = house.gateway.folder / "data" / "approvals"
    done = export(house, tmp_path / "out")
    assert "no gateway has taken it" in done.err or done.code == 0
    if done.code:
        assert not (tmp_path / "out").exists()
    assert list(inbox.glob("*.json")) == []


def full(house: House, *signers: str, begin: str = "2020-01-01", origin: str = "demo/test") -> Path:
    scope = {"origin": origin, "from": begin, "to": "2099-01-01"}
    return signed(house, "export_full", scope, *signers)


SPAN = ("--from", "2020-01-01", "--to", "2099-01-01", "--profile", "full", "--approval")


def test_adv_85_a_full_export_needs_two_persons_beside_the_one_who_asks(
    house, tmp_path: Path
) -> None:
    done = export(house, tmp_path / "out", *SPAN, str(full(house, "ada", "bob")))
    assert (done.code, "too_few_approvers" in done.err) == (1, True)
    allowed = full(house, "ada", "bob", "cleo")
    done = export(house, tmp_path / "out", *SPAN, str(allowed))
    assert done.code == 0, done.err
    assert SUBJECT in (tmp_path / "out/personal.jsonl").read_text()
    redacted = [p for p in (tmp_path / "out").iterdir() if p.name != "personal.jsonl"]
    assert all(SUBJECT not in p.read_text() for p in redacted if p.is_file())
    assert alone(tmp_path / "out").returncode == 0
    (facts,) = told(house, "exported")
    assert facts["profile"] == "full"
    assert facts["approval"] in {one["approval"] for one in told(house, "approval_used")}
    again = export(house, tmp_path / "again", *SPAN, str(allowed))
    assert again.code == 0, again.err


@pytest.mark.parametrize(
    ("more", "why"),
    [
        ({"begin": "2020-01-02"}, "full_export_not_approved"),
        ({"origin": "demo/other"}, "other_origin"),
        ({"begin": "soon"}, "wrong_time"),
    ],
)
def test_what_persons_allowed_for_another_log_or_time_opens_nothing(
    idle, tmp_path: Path, more: dict[str, str], why: str
) -> None:
    allowed = full(idle, "ada", "bob", "cleo", **more)
    done = export(idle, tmp_path / "out", *SPAN, str(allowed))
    assert (done.code, why in done.err) == (1, True), done.err
    assert list(tmp_path.glob("out*")) == []


def test_lines_for_a_siem_are_recorded_too_and_hold_no_prompt(house, tmp_path: Path) -> None:
    out = tmp_path / "events.jsonl"
    done = export(house, out, "--form", "ocsf")
    assert done.code == 0, done.err
    (facts,) = told(house, "exported")
    assert (facts["profile"], facts["digest"]) == ("ocsf", digest_of(out))
    events = [msgspec.json.decode(one) for one in out.read_bytes().splitlines()]
    decided = [one.id for one in records(house.gateway) if isinstance(one, Decided)]
    assert [one["metadata"]["uid"] for one in events] == decided
    assert b"hello" not in out.read_bytes()
    assert SUBJECT.encode() not in out.read_bytes()


def test_the_export_of_a_label_leaves_out_the_others(house, tmp_path: Path) -> None:
    done = export(house, tmp_path / "out", "--label", "no-such-label")
    assert done.code == 0, done.err
    text = (tmp_path / "out/records.jsonl").read_text()
    assert '\\"type\\":\\"decided\\"' not in text
    assert told(house, "exported")[0]["labels"] == "no-such-label"
    shutil.rmtree(tmp_path / "out")


def an_iban(number: int) -> str:
    account = f"{37040044:08d}{number:010d}"
    check = 98 - int(f"{account}131400") % 97
    return f"DE{check:02d}{account}"


def much_found() -> str:
    """Return a text with more accounts and addresses than an entry can tell of under seal."""
    return "\n".join(f"{an_iban(532_013_000 + at)} person.{at}@firm-{at}.de" for at in range(300))


def test_a_full_export_opens_what_no_entry_could_hold(house, tmp_path: Path) -> None:
    """So much is found in one request that what is personal of it lies beside the log."""
    heard = house.ask(OPENAI, OPENAI.body(much_found(), "home-model"))
    house.record(heard.record)
    decided = [one for one in records(house.gateway) if isinstance(one, Decided)]
    (large,) = [one for one in decided if one.sealed is not None and one.sealed.blob]
    assert large.id == heard.record
    digest = str(large.sealed.blob).removeprefix("sha256:")
    until(lambda: sealed(house) == len(records(house.gateway)), "every record is signed")
    vkey = (house.gateway.ledger / "vkey").read_text().strip()

    redacted = tmp_path / "redacted"
    done = export(house, redacted, *SPAN[:4])
    assert done.code == 0, done.err
    assert (redacted / "blobs" / digest).is_file()
    assert not (redacted / "personal.jsonl").exists()
    said = alone(redacted, "--vkey", vkey, "--json")
    report = msgspec.json.decode(said.stdout)
    assert (report["verdict"], report["blobs"]) == ("whole", 1), report

    allowed = full(house, "ada", "bob", "cleo")
    out = tmp_path / "full"
    done = export(house, out, *SPAN, str(allowed))
    assert done.code == 0, done.err
    told_of = [
        msgspec.json.decode(one) for one in (out / "personal.jsonl").read_bytes().splitlines()
    ]
    opened = next(one for one in told_of if one["id"] == large.id)
    assert opened["personal"]["subject"] == SUBJECT
    assert len(opened["personal"]["findings"]) > 200
    assert (out / "blobs" / digest).read_bytes() == (redacted / "blobs" / digest).read_bytes()
    said = alone(out, "--vkey", vkey, "--json")
    report = msgspec.json.decode(said.stdout)
    assert (report["verdict"], report["blobs"]) == ("whole", 1), report
    # What was opened is under the signature of the export, as everything in it is.
    (out / "personal.jsonl").write_bytes(b"{}\n")
    assert alone(out, "--vkey", vkey).returncode == 1


def test_an_export_holds_every_policy_catalogue_and_key_that_its_records_name(
    house, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    assert export(house, out).code == 0
    decided = [one for one in records(house.gateway) if isinstance(one, Decided)]
    named = {name for one in decided for name in one.documents}
    digests = {digest for one in decided for digest in one.documents.values()}
    assert named >= {"policy", "catalogue"}
    there = {f"sha256:{path.stem}" for path in (out / "documents").iterdir()}
    assert digests <= there
    assert all(digest_of(out / "documents" / f"{one[7:]}.json") == one for one in there)
    assert (out / "vkey").read_text() == (house.gateway.ledger / "vkey").read_text()
    assert {path.name for path in out.iterdir()} >= {
        "REPORT.html", "verify_bundle.py", "records.jsonl", "checkpoint", "tile", "documents",
        "vkey", "MANIFEST.json", "MANIFEST.sig",
    }  # fmt: skip
