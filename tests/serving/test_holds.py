"""Legal holds, and the log of who was erased, read or held."""

import msgspec

from tests.doubles.gateway_folders import command, ran, started
from tests.doubles.ledger_sight import verified
from tests.serving.test_approvals import signed, submitted
from tests.serving.test_erasure import SUBJECT, act, erase, home, keys_of, talk, told

__all__ = ["home"]


def test_adv_81_a_hold_refuses_erasure_until_two_let_it_go(home) -> None:
    gateway = home.gateway
    with started(gateway):
        talk(home)
        held = act(home, "hold", "set", "--subject", SUBJECT)
        assert held.code == 0, held.err
        digest = held.out.split()[-1]
        assert digest in ran("hold", "list", "--node", str(gateway.node)).out
        assert "legal_hold" in erase(home).err
        [facts] = told(gateway, "approval_refused")
        assert facts == {
            "reason": "legal_hold",
            "hold": digest,
            "pseudonym": keys_of(gateway, SUBJECT),
        }
        revoked = submitted(home, signed(home, "revoke", {"approval": digest}, "ada"))
        assert "release_the_hold" in revoked.err
        out = gateway.folder / "release.json"
        assert act(home, "hold", "release", digest, str(out)).code == 0
        assert "too_few_approvers" in submitted(home, out).err
        command("approve", "sign", str(out), "--key", str(gateway.folder / "bob.pem"))
        assert submitted(home, out).code == 0
        assert erase(home).code == 0
        assert keys_of(gateway, SUBJECT) is None
    verified(gateway)


def test_a_hold_of_months_refuses_whoever_asked_in_them(home) -> None:
    gateway = home.gateway
    with started(gateway):
        talk(home)
        for wrong in (("2026-13", "2026-14"), ("2031-02", "2031-01")):
            odd = act(home, "hold", "set", "--from", wrong[0], "--to", wrong[1])
            assert "wrong_scope" in odd.err
        assert "wrong_scope" in act(home, "hold", "set", "--from", "2026-01").err
        assert act(home, "hold", "set", "--from", "1970-01", "--to", "1970-12").code == 0
        assert act(home, "hold", "set", "--from", "2026-01", "--to", "2199-12").code == 0
    # Over a restart, and where the gateway does not run, it holds as well.
    assert "legal_hold" in erase(home).err
    assert keys_of(gateway, SUBJECT) is not None


def test_the_log_of_accesses_and_erasures_answers_by_pseudonym(home) -> None:
    gateway = home.gateway
    with started(gateway):
        record = talk(home)
        who = keys_of(gateway, SUBJECT)
        assert act(home, "hold", "set", "--from", "2026-01", "--to", "2199-12").code == 0
        assert act(home, "decrypt", record).code == 0
        assert "legal_hold" in erase(home).err
    asked = ran("audit", "subjects", "--copy", "--ledger", str(gateway.ledger), "--as", "json")
    assert asked.code == 0, asked.err
    rows = msgspec.json.decode(asked.out)["rows"]
    assert [(row["what"], row["action"], row["record"]) for row in rows] == [
        ("approval_refused", None, None),
        ("approval_used", "decrypt", record),
        ("approval_used", "hold", None),
    ]
    assert rows[0]["pseudonym"] == who
    assert rows[0]["hold"]
    assert SUBJECT not in asked.out
