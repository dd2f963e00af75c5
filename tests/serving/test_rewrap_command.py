"""`perimeter ledger rewrap`: refused beside a gateway, recorded, and nothing of before is left."""

from gateway.app.making import ledger_paths
from gateway.audit.record import Admin
from gateway.config.node import load_node
from gateway.ledger import wrapping
from gateway.ledger.files import Files
from gateway.ledger.paths import LedgerPaths
from gateway.ledger.rewrapping import WrappingFiles
from tests.doubles.gateway_folders import Ran, ran, started
from tests.doubles.ledger_sight import personal_of, verified
from tests.doubles.running_gateway import RunningGateway
from tests.serving.test_erasure import (
    PERSONAL,
    SUBJECT,
    bytes_in,
    erase,
    found_in,
    home,
    of_kind,
    talk,
    told,
    trace_of,
)

__all__ = ["home"]


def rewrap(gateway: RunningGateway) -> Ran:
    return ran("ledger", "rewrap", "--node", str(gateway.node))


def paths_of(gateway: RunningGateway) -> LedgerPaths:
    return ledger_paths(load_node(gateway.node).settings.paths)


def test_a_new_key_opens_all_and_nothing_lies_as_the_former_wrapped_it(home) -> None:
    gateway = home.gateway
    with started(gateway):
        record = talk(home)
        refused = rewrap(gateway)
        assert (refused.code, "another gateway writes this ledger" in refused.err) == (2, True)
    paths = paths_of(gateway)
    trace, former = trace_of(gateway), wrapping.load(paths.wrapping)
    assert bytes_in(gateway.folder, *trace.rows)
    done = rewrap(gateway)
    now = wrapping.load(paths.wrapping)
    assert done.code == 0, done.err
    assert (f"wrapped by: {now.id}" in done.out, now.id == former.id) == (True, False)
    wrapped = trace.rows[:-2] + trace.rows[-1:]
    assert not bytes_in(gateway.folder, *wrapped)
    [facts] = told(gateway, "wrapping_key_rotated")
    assert facts == {"from": former.id, "to": now.id, "keys": 1}
    assert personal_of(gateway, record).subject == SUBJECT
    assert found_in(gateway.folder / "data", *PERSONAL) == []
    with started(gateway):
        again = talk(home)
        assert personal_of(gateway, again).subject == SUBJECT
        assert trace_of(gateway).pseudonym == trace.pseudonym
        assert erase(home).code == 0
    assert verified(gateway).reason == ""


def test_the_next_start_tells_of_a_change_that_was_ended_in_the_middle(home) -> None:
    gateway = home.gateway
    with started(gateway):
        record = talk(home)
    paths = paths_of(gateway)
    WrappingFiles(paths, Files()).rewrap()
    assert told(gateway, "wrapping_key_rotated") == []
    assert personal_of(gateway, record).subject == SUBJECT
    with started(gateway):
        talk(home)
        assert len(told(gateway, "wrapping_key_rotated")) == 1
    assert [path.name for path in paths.wrapping.parent.glob("wrapping*")] == ["wrapping.key"]
    assert personal_of(gateway, record).subject == SUBJECT
    last = of_kind(gateway, Admin)[-1]
    assert last.what == "stopped"


def test_a_second_call_ends_what_the_first_began_and_makes_no_third_key(home) -> None:
    paths = paths_of(home.gateway)
    files = WrappingFiles(paths, Files())
    files.rewrap()
    waiting = files.in_use().id
    assert waiting != wrapping.load(paths.wrapping).id
    assert rewrap(home.gateway).code == 0
    assert wrapping.load(paths.wrapping).id == waiting
    assert len(told(home.gateway, "wrapping_key_rotated")) == 1


def test_the_audit_shows_the_change(home) -> None:
    assert rewrap(home.gateway).code == 0
    asked = ran(
        "audit", "changes", "--ledger", str(home.gateway.ledger), "--copy",
        "--where", "what = wrapping_key_rotated",
    )  # fmt: skip
    assert (asked.code, asked.out.count("wrapping_key_rotated")) == (0, 1), asked.err
