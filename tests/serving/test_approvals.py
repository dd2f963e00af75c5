"""Zones closed and opened, and policies changed, while the gateway runs: in effect, recorded."""

import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from gateway.audit.record import Admin, Decided
from tests.doubles.gateway_folders import command, ran, started
from tests.doubles.ledger_sight import records, verified
from tests.doubles.raw_http import ask, request
from tests.doubles.running_gateway import ROOT, RunningGateway
from tests.doubles.serving_house import FORMS, OPENAI, Form, House, until
from tests.doubles.signatories import KEYS, persons_value
from tests.serving.conftest import TASKS, backends_of

IN_EFFECT_S_MAX = 1.0
GITLAB = "glpat-Zq8vT3mK5pX1wR7nB2cD"
TIGHTER = """  - id: nobody-travels
    effect: deny
    when: {level_min: public, zone: frontier}
    reason: nothing travels today
"""


def furnished(gateway: RunningGateway, more: str = "") -> RunningGateway:
    """Give a node persons with keys, and a policy folder of its own."""
    folder = gateway.folder
    shutil.copytree(ROOT / "policies" / "demo", folder / "policy")
    (folder / "persons.yaml").write_bytes(msgspec.yaml.encode(persons_value()))
    for name in KEYS:
        write_key(folder, name)
    text = gateway.node.read_text()
    paths = f"paths: {{policy: {ROOT / 'policies' / 'demo'}, models: models, keys: keys.yaml}}"
    assert paths in text
    ours = "paths: {policy: policy, models: models, keys: keys.yaml, persons: persons.yaml}"
    gateway.node.write_text(text.replace(paths, ours) + more)
    return gateway


def write_key(folder: Path, name: str) -> None:
    from gateway.cli.signing import write_key as write

    write(folder / f"{name}.pem", KEYS[name])


@pytest.fixture
def stewarded(template, engines, tmp_path) -> Iterator[House]:
    gateway = furnished(template.copy(tmp_path / "node", backends_of(engines), tasks=TASKS))
    with started(gateway):
        yield House(gateway, engines)


def approved(house: House, what: str, scope: dict[str, str], *signers: str, about: str = "") -> Any:
    """Ask, sign and submit as people do; returns what the last command did, and the file."""
    file = signed(house, what, scope, *signers, about=about)
    return submitted(house, file), file


def submitted(house: House, file: Path) -> Any:
    return ran("approve", "submit", str(file), "--node", str(house.gateway.node))


def signed(house: House, what: str, scope: dict[str, str], *signers: str, about: str = "") -> Path:
    """Ask and sign as people do."""
    folder = house.gateway.folder
    file = folder / f"{time.monotonic_ns()}.json"
    command(
        "approve", "ask", what, str(file), "--reason", "a test", "--about", about,
        "--key", str(folder / f"{signers[0]}.pem"),
        *(word for name, value in scope.items() for word in ("--scope", f"{name}={value}")),
    )  # fmt: skip
    for name in signers[1:]:
        command("approve", "sign", str(file), "--key", str(folder / f"{name}.pem"))
    return file


def close(house: House, *words: str) -> Any:
    node, key = str(house.gateway.node), str(house.gateway.folder / "ada.pem")
    return ran("zone", "close", "frontier", "--reason", "x", "--key", key, "--node", node, *words)


def opening(closing: str) -> dict[str, str]:
    return {"zone": "frontier", "closing": closing}


def told(house: House, what: str) -> list[dict[str, Any]]:
    return [
        one.facts for one in records(house.gateway) if isinstance(one, Admin) and one.what == what
    ]


def notices(house: House) -> list[str]:
    return ask(house.gateway.admin, request("GET", "/readyz"), "GET").json["notices"]


def served_by(house: House, form: Form = OPENAI, text: str = "hello") -> str:
    heard = house.ask(form, form.body(text))
    assert heard.status == 200, heard.body
    return house.record(heard.headers["x-perimeter-record"])["attempts"][-1]["offering"]


def test_one_person_closes_a_zone_and_two_others_open_it_again(stewarded) -> None:
    house = stewarded
    assert served_by(house) == "cloud-model@cloud"
    began = time.monotonic()
    first = close(house).out.split()[-1]
    assert time.monotonic() - began < IN_EFFECT_S_MAX
    assert served_by(house) == "home-model@home"
    refused = house.ask(OPENAI, OPENAI.body(model="cloud-model"))
    assert refused.status == 400
    assert b"zone_closed" in refused.body
    assert notices(house) == [f"zone frontier is closed by {first}"]
    early = signed(house, "open_zone", opening(first), "ada", "bob", "cleo")
    digest = close(house).out.split()[-1]
    assert "another_closing" in submitted(house, early).err
    alone, _ = approved(house, "open_zone", opening(digest), "ada", "bob")
    assert (alone.code, "too_few_approvers" in alone.err) == (1, True)
    opened, file = approved(house, "open_zone", opening(digest), "ada", "bob", "cleo")
    assert opened.code == 0, opened.err
    assert served_by(house) == "cloud-model@cloud"
    assert close(house).code == 0
    again = ran("approve", "submit", str(file), "--node", str(house.gateway.node))
    assert (again.code, "used" in again.err) == (1, True)
    assert served_by(house) == "home-model@home"
    actions = [facts["action"] for facts in told(house, "approval_used")]
    assert actions == ["close_zone", "close_zone", "open_zone", "close_zone"]
    assert {facts["reason"] for facts in told(house, "approval_refused")} == {
        "another_closing",
        "too_few_approvers",
        "used",
    }
    assert verified(house.gateway).reason == ""


def test_a_closed_zone_stays_closed_over_a_restart_and_a_lost_file(
    template, engines, tmp_path
) -> None:
    gateway = furnished(template.copy(tmp_path / "node", backends_of(engines), tasks=TASKS))
    house = House(gateway, engines)
    with started(gateway):
        digest = close(house).out.split()[-1]
    for spoil in (lambda path: None, Path.unlink, lambda path: path.write_bytes(b"x" * 99)):
        spoil(gateway.folder / "data" / "standing")
        with started(gateway):
            assert served_by(house) == "home-model@home"
            assert notices(house) == [f"zone frontier is closed by {digest}"]


@pytest.mark.parametrize("form", FORMS)
def test_adv_88_closing_a_zone_cuts_its_streams_where_that_is_said(stewarded, form) -> None:
    house = stewarded
    body = form.body("mock:drip=50 mock:words=400", "cloud-model", stream=True)
    with house.line() as line:
        line.send(house.request(form, body))
        status, fields = line.head()
        assert status == 200
        chunks = line.chunks()
        next(chunks)
        done = close(house, "--cut-streams")
        assert (done.code, "1 streams cut" in done.out) == (0, True), done.err
        rest = b"".join(chunks)
    assert b"closed" in rest
    assert b"[DONE]" not in rest
    assert b"message_stop" not in rest
    outcome = house.record(fields["x-perimeter-record"])["outcome"]
    assert (outcome["kind"], outcome["error"]) == ("failed", "zone_closed")
    assert house.ask(form, form.body(model="cloud-model")).status == 400


def test_what_is_no_approval_is_refused_and_taken_away(stewarded) -> None:
    house = stewarded
    inbox = house.gateway.folder / "data" / "approvals"
    inbox.mkdir()
    (inbox / "odd.json").write_bytes(b"{}")
    until((inbox / "odd.answer").exists, "an answer")
    assert msgspec.json.decode((inbox / "odd.answer").read_bytes())["why"] == "unreadable"
    assert not (inbox / "odd.json").exists()
    idle, _ = approved(house, "policy", {"serial": "7"}, "ada", "bob", about="sha256:00")
    assert "not_for_the_inbox" in idle.err
    assert told(house, "approval_used") == []
    unknown, _ = approved(house, "close_zone", {"zone": "nowhere"}, "ada")
    assert "unknown_zone" in unknown.err
    foreign, _ = approved(house, "close_zone", {"zone": "frontier"}, "eve")
    assert "unknown_key" in foreign.err
    assert served_by(house) == "cloud-model@cloud"


def tighten(house: House, text: str = TIGHTER) -> None:
    path = house.gateway.folder / "policy" / "policy.yaml"
    path.write_text(path.read_text() + text)


def denied(house: House) -> bool:
    return house.ask(OPENAI, OPENAI.body(model="cloud-model")).status == 400


def in_force(house: House) -> str:
    """Return the digest of the policy, as the gateway tells it without a request."""
    return ask(house.gateway.admin, request("GET", "/readyz"), "GET").json["policy"]


def decided_by(house: House, record_id: str) -> str:
    """Return the digest of the policy that decided a request."""
    (found,) = (
        one for one in records(house.gateway) if isinstance(one, Decided) and one.id == record_id
    )
    return found.documents["policy"]


def test_adv_67_a_changed_policy_is_in_force_without_a_restart_and_recorded(stewarded) -> None:
    house = stewarded
    before = house.ask(OPENAI, OPENAI.body(model="cloud-model"))
    assert before.status == 200
    first = in_force(house)
    assert decided_by(house, before.record) == first
    assert len(told(house, "policy_loaded")) == 1
    (house.gateway.folder / "policy" / "cases").rename(house.gateway.folder / "cases")
    tighten(house)
    until(lambda: denied(house), "the new policy")
    assert house.metric("policy_current") == 1
    after = house.ask(OPENAI, OPENAI.body(model="home-model"))
    assert decided_by(house, after.record) == in_force(house) != first
    loaded = told(house, "policy_loaded")
    assert len(loaded) >= 2
    record = house.record(before.headers["x-perimeter-record"])
    assert verified(house.gateway).reason == ""
    assert loaded[0]["policy"] != loaded[-1]["policy"]
    replayed = ran("replay", record["id"], "--ledger", str(house.gateway.ledger))
    assert replayed.code == 0, replayed.err


def test_adv_67_a_bad_policy_is_not_taken_and_the_last_good_one_stays(stewarded) -> None:
    house = stewarded
    good = in_force(house)
    tighten(house, "  - id: odd\n    effect: perhaps\n")
    until(lambda: house.metric("policy_current") == 0, "a rejection")
    ready = ask(house.gateway.admin, request("GET", "/readyz"), "GET")
    assert ready.status == 200
    assert "the last good policy stays" in ready.json["notices"][0]
    assert ready.json["policy"] == good
    assert served_by(house) == "cloud-model@cloud"
    assert told(house, "policy_rejected")[0]["problems"] >= 1
    path = house.gateway.folder / "policy" / "policy.yaml"
    path.write_text(path.read_text().partition("  - id: odd")[0])
    until(lambda: house.metric("policy_current") == 1, "the good policy")
    assert notices(house) == []


def test_adv_67_an_empty_policy_folder_leaves_the_last_good_one(stewarded) -> None:
    house = stewarded
    (house.gateway.folder / "policy").rename(house.gateway.folder / "away")
    until(lambda: house.metric("policy_current") == 0, "a rejection")
    assert served_by(house) == "cloud-model@cloud"


def test_a_backend_outside_the_pins_of_its_zone_is_not_taken(stewarded) -> None:
    house = stewarded
    path = house.gateway.folder / "models" / "backends.yaml"
    path.write_text(path.read_text().replace("zone: frontier", "zone: on_prem", 1))
    until(lambda: house.metric("policy_current") == 0, "a rejection")
    assert served_by(house) == "cloud-model@cloud"


def test_a_key_that_was_taken_away_opens_nothing_any_more(stewarded) -> None:
    house = stewarded
    assert house.ask(OPENAI, OPENAI.body()).status == 200
    keys = house.gateway.folder / "keys.yaml"
    value = msgspec.yaml.decode(keys.read_bytes())
    del value["keys"]["web"]
    keys.write_bytes(msgspec.yaml.encode(value))
    until(lambda: house.ask(OPENAI, OPENAI.body()).status == 401, "401")


SIGNED = "policy_signed: true\n"


def sign_policy(
    gateway: RunningGateway, serial: int, *signers: str, policy: str = "", hours: str = "24"
) -> None:
    """Sign the policy of the folder as people do."""
    folder = gateway.folder
    digest = policy or policy_digest(gateway)
    path = folder / "policy" / "approval.json"
    path.unlink(missing_ok=True)
    command(
        "approve", "ask", "policy", str(path), "--scope", f"serial={serial}", "--about", digest,
        "--reason", "reviewed", "--key", str(folder / f"{signers[0]}.pem"), "--hours", hours,
    )  # fmt: skip
    for name in signers[1:]:
        command("approve", "sign", str(path), "--key", str(folder / f"{name}.pem"))


def policy_digest(gateway: RunningGateway) -> str:
    out = ran("check", str(gateway.node)).out
    return next(line.split()[1] for line in out.splitlines() if line.startswith("policy "))


@pytest.fixture
def guarded(template, engines, tmp_path) -> RunningGateway:
    gateway = template.copy(tmp_path / "node", backends_of(engines), tasks=TASKS)
    return furnished(gateway, SIGNED)


def test_an_unsigned_policy_does_not_start(guarded, serve_here) -> None:
    assert "approval.json" in serve_here(guarded).err
    sign_policy(guarded, 1, "ada")
    assert "too_few_approvers" in serve_here(guarded).err
    sign_policy(guarded, 1, "ada", "bob", policy="sha256:" + "0" * 64)
    assert "approves another policy" in serve_here(guarded).err


def test_a_policy_whose_approval_was_revoked_does_not_start_again(
    guarded, engines, serve_here
) -> None:
    house = House(guarded, engines)
    sign_policy(guarded, 1, "ada", "bob")
    shown = command("approve", "show", str(guarded.folder / "policy" / "approval.json"))
    digest = shown.splitlines()[0].partition(": ")[2]
    with started(guarded):
        revoked, _ = approved(house, "revoke", {"approval": digest}, "cleo")
        assert revoked.code == 0, revoked.err
        assert served_by(house) == "cloud-model@cloud"
    assert "not approved: used" in serve_here(guarded).err


def test_adv_68_an_older_policy_is_never_in_force_again(guarded, engines, serve_here) -> None:
    house = House(guarded, engines)
    sign_policy(guarded, 7, "ada", "bob")
    old = guarded.folder / "old"
    with started(guarded):
        assert served_by(house) == "cloud-model@cloud"
        shutil.copytree(guarded.folder / "policy", old)
        tighten(house)
        until(lambda: house.metric("policy_current") == 0, "unsigned is rejected")
        sign_policy(guarded, 8, "ada", "bob")
        until(lambda: denied(house), "the signed policy")
        shutil.rmtree(guarded.folder / "policy")
        shutil.copytree(old, guarded.folder / "policy")
        until(lambda: house.metric("policy_current") == 0, "the rollback is rejected")
        assert denied(house)
    assert "serial 7 is not above 8" in serve_here(guarded).err
    serials = [facts["serial"] for facts in told(house, "policy_loaded")]
    assert serials == [7, 8]


def test_a_steward_allows_one_finding_in_one_repository(stewarded) -> None:
    house = stewarded
    body = OPENAI.body(f"deploy with {GITLAB}", "cloud-model")
    refused = house.ask(OPENAI, body)
    assert refused.status == 400
    told_here = house.record(refused.record)
    assert "secret" in told_here["label"]
    node = str(house.gateway.node)
    signs = ("--reason", "a developer is stopped", "--key", str(house.gateway.folder / "cleo.pem"))
    listed = ran("findings", refused.record, *signs, "--node", node)
    assert GITLAB not in listed.out
    (line,) = [one for one in listed.out.splitlines() if " secrets/" in one]
    scope = {"fingerprint": line.split()[0], "repo": "website"}
    elsewhere, _ = approved(house, "allow_finding", scope | {"repo": "payments"}, "ada", "bob")
    assert elsewhere.code == 0, elsewhere.err
    assert house.ask(OPENAI, OPENAI.body(f"still {GITLAB}", "cloud-model")).status == 400
    alone, _ = approved(house, "allow_finding", scope, "ada")
    assert "too_few_approvers" in alone.err
    allowed, file = approved(house, "allow_finding", scope, "ada", "bob")
    assert allowed.code == 0, allowed.err
    heard = house.ask(OPENAI, OPENAI.body(f"now {GITLAB}", "cloud-model"))
    assert heard.status == 200, heard.body
    assert house.record(heard.record)["allowed"]
    digest = allowed.out.split()[-1]
    revoked, _ = approved(house, "revoke", {"approval": digest}, "cleo")
    assert revoked.code == 0, revoked.err
    assert house.ask(OPENAI, OPENAI.body(f"again {GITLAB}", "cloud-model")).status == 400
    assert "used" in ran("approve", "submit", str(file), "--node", node).err
    unknown, _ = approved(house, "allow_finding", scope | {"repo": "nowhere"}, "ada", "bob")
    assert "unknown_repo" in unknown.err


def test_a_policy_with_more_rules_than_meters_count_is_not_said_to_be_in_force(stewarded) -> None:
    house = stewarded
    many = "".join(
        f"  - {{id: r{number}, effect: deny, when: {{level_min: restricted}}, zones: frontier}}\n"
        for number in range(2_100)
    )
    tighten(house, many)
    until(lambda: house.metric("policy_current") == 0, "a rejection")
    assert len(told(house, "policy_loaded")) == 1
    assert served_by(house) == "cloud-model@cloud"
