"""A secret goes in, no engine sees it, and the reply that quotes its placeholder has it again."""

import base64
import re
import shutil
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import msgspec
import pytest
from msgspec import UNSET

from gateway.audit.record import Attempted, Decided, Settled
from tests.doubles.every_surface import ASKED, Row
from tests.doubles.gateway_folders import a_model, command, ran, started
from tests.doubles.ledger_sight import entries, records, verified
from tests.doubles.quoting_engine import PLACEHOLDER, QuotingEngine
from tests.doubles.raw_http import Heard, ask
from tests.doubles.running_gateway import ROOT
from tests.doubles.scripted_engine import scripted_engine
from tests.doubles.serving_house import ANTHROPIC, OPENAI, House
from tests.doubles.vendor_secrets import FORMATS, Draw
from tests.serving.conftest import ENGINES, KINDS, TASKS, backends_of

PAT = FORMATS["github-pat"](Draw("redaction that comes back"))
TEXT = f"Why is {PAT} refused?"
RULE = """\
  - {id: tokens-stay-here, effect: oblige, when: {detector: [github-pat]},
     obligations: [redact, notify]}
"""
FRAGMENT = re.compile(r"""(?:arguments|partial_json)":"((?:[^"\\]|\\.)*)\"""")
AT = [f"{row}-{model}-{'stream' if way else 'whole'}" for row, model, way in ASKED]


@pytest.fixture(scope="module")
def quoting(template, tmp_path_factory) -> Iterator[House]:
    """A gateway whose policy redacts, between engines that quote."""
    folder = tmp_path_factory.mktemp("quoting")
    with ExitStack() as stack:
        engines = {
            name: stack.enter_context(scripted_engine(name=name, host=host, kind=QuotingEngine))
            for name, host in ENGINES.items()
        }
        gateway = template.copy(folder, backends_of(engines), tasks=TASKS)
        catalog = gateway.folder / "models" / "catalog.yaml"
        more = "".join(a_model(name, "vectors", "embeddings") for name in KINDS if name != "spare")
        catalog.write_text(catalog.read_text() + more)
        shutil.copytree(ROOT / "policies" / "demo", folder / "policy")
        shutil.rmtree(folder / "policy" / "cases")
        gateway.node.write_text(
            re.sub(r"policy: [^,]+,", "policy: policy,", gateway.node.read_text())
        )
        policy = folder / "policy" / "policy.yaml"
        text = policy.read_text().replace("rules:\n", "rules:\n" + RULE)
        policy.write_text(text + "restores: [tool_arguments]\n")
        command("check", str(gateway.node))
        with started(gateway):
            yield House(gateway, engines)


def seen_by(house: House) -> list[bytes]:
    return [raw for running in house.engines.values() for raw in running.engine.seen]


def plain(heard: Heard) -> str:
    """Return what was answered as text; the frames of `invoke` hold it in base64."""
    text = heard.body.decode(errors="replace")
    held = re.findall(r'"bytes":"([A-Za-z0-9+/=]+)"', text)
    return "".join([text, *(base64.b64decode(one).decode() for one in held)])


def decided(house: House, record_id: str) -> Decided:
    return next(r for r in records(house.gateway) if isinstance(r, Decided) and r.id == record_id)


def settled(house: House, record_id: str) -> Settled:
    house.record(record_id)
    return next(r for r in records(house.gateway) if isinstance(r, Settled) and r.id == record_id)


def both_are_recorded(house: House, heard: Heard) -> Decided:
    """Both decisions stand in one record, and are made again from it."""
    record = decided(house, heard.record)
    assert record.redaction is not UNSET
    first = record.redaction
    assert (first.decision.effect, first.decision.reason) == ("deny", "redact_first")
    assert str(first.label) == "restricted+secret"
    assert (first.replaced, first.failed) == ({"github-pat": 1}, UNSET)
    assert (record.decision.effect, str(record.label)) == ("permit", "public")
    assert record.finding_kinds == {"github-pat": 1}
    assert {"notify", "redact"} <= set(record.decision.obligations)
    again = ran("replay", record.id, "--ledger", str(house.gateway.ledger))
    assert (again.code, again.err) == (0, "")
    return record


@pytest.mark.parametrize(("row", "model", "stream"), ASKED, ids=AT)
def test_what_was_redacted_comes_back_to_every_surface(
    quoting: House, row: Row, model: str, stream: bool
) -> None:
    before = len(seen_by(quoting))
    raw = row.raw(TEXT, model, stream)
    heard = ask(quoting.url, row.asks(quoting.gateway.keys["website"], model, raw, stream))
    assert heard.status == 200, heard.body
    new = seen_by(quoting)[before:]
    assert len(new) == 1
    assert PAT.encode() not in new[0]
    (placeholder,) = set(PLACEHOLDER.findall(new[0].decode()))
    both_are_recorded(quoting, heard)
    end = settled(quoting, heard.record)
    told = quoting.record(heard.record)["redaction"]
    assert told == {
        "label": "restricted+secret",
        "because": ["tokens-stay-here"],
        "replaced": {"github-pat": 1},
        "failed": None,
    }
    if row.broken is None:
        assert end.reply_restored is UNSET
        return
    said = plain(heard)
    assert "redacted:" not in said
    assert PAT in said
    assert heard.headers["x-perimeter-obligations"] == "redact"
    assert end.reply_restored == 1
    assert placeholder not in said


@pytest.mark.parametrize(("row", "model", "stream"), ASKED, ids=AT)
def test_adv_30_no_surface_has_it_come_back_in_an_address(
    quoting: House, row: Row, model: str, stream: bool
) -> None:
    if row.broken is None:
        return
    raw = row.raw(f"{TEXT} Draw it.", model, stream)
    heard = ask(quoting.url, row.asks(quoting.gateway.keys["website"], model, raw, stream))
    assert heard.status == 200, heard.body
    said = plain(heard)
    assert "evil.example" in said
    assert PAT not in said
    end = settled(quoting, heard.record)
    assert (end.reply_restored, end.reply_left) == (UNSET, 1)
    assert "placeholder_in_address" in end.losses
    told = heard.headers.get("x-perimeter-lost", "")
    assert stream or "placeholder_in_address" in told


def test_the_log_is_whole_and_holds_the_secret_nowhere(quoting: House) -> None:
    verified(quoting.gateway)
    assert all(PAT.encode() not in entry for entry in entries(quoting.gateway))
    assert PAT not in quoting.gateway.log.read_text()
    attempts = [one for one in records(quoting.gateway) if isinstance(one, Attempted)]
    zones = {one.id: one.zone for one in attempts}
    assert set(zones.values()) == {"frontier", "on_prem"}


CHAT_TOOL = {
    "type": "function",
    "function": {
        "name": "look_up",
        "parameters": {"type": "object", "properties": {"q": {"type": "string"}}},
    },
}
CLAUDE_TOOL = {
    "name": "look_up",
    "input_schema": {"type": "object", "properties": {"q": {"type": "string"}}},
}
TOOLS = {"openai": CHAT_TOOL, "anthropic": CLAUDE_TOOL}


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("model", ["cloud-model", "home-model", "local-model"])
@pytest.mark.parametrize("form", [OPENAI, ANTHROPIC], ids=str)
def test_a_tool_is_called_with_what_was_meant_where_policy_lets_it(
    quoting: House, form: Any, model: str, stream: bool
) -> None:
    body = form.body(TEXT, model, tools=[TOOLS[form.name]], stream=stream)
    heard = quoting.ask(form, body)
    assert heard.status == 200, heard.body
    said = plain(heard)
    assert "redacted:" not in said
    fragments = "".join(FRAGMENT.findall(said)) or said
    assert f"about {PAT}" in fragments


def test_the_next_turn_redacts_anew_and_has_the_same_placeholder(quoting: House) -> None:
    """The client's history has the secret in what it asked and in what it was answered."""
    bodies = []
    turns: list[dict[str, Any]] = [{"role": "user", "content": f"{TEXT} {'Say it all. ' * 40}"}]
    for _ in range(3):
        heard = quoting.ask(OPENAI, OPENAI.body(model="cloud-model", messages=turns))
        assert heard.status == 200, heard.body
        record = decided(quoting, heard.record)
        assert (str(record.label), record.decision.boundary) == (
            "public", frozenset({"on_prem", "frontier"}),
        )  # fmt: skip
        bodies.append(seen_by(quoting)[-1] or b"")
        reply = heard.json["choices"][0]["message"]["content"]
        assert PAT in reply
        turns += [
            {"role": "assistant", "content": reply},
            {"role": "user", "content": "Once more, please."},
        ]
    found = {one for raw in bodies for one in PLACEHOLDER.findall(raw.decode())}
    assert len(found) == 1


def refused(house: House, body: dict[str, Any], form: Any = OPENAI) -> Decided:
    with house.nothing_sent():
        heard = house.ask(form, body)
    assert heard.status == 400, heard.body
    assert PAT.encode() not in heard.body
    record = decided(house, heard.record)
    assert (record.decision.effect, record.decision.reason) == ("deny", "cannot_redact")
    assert str(record.label) == "restricted+secret"
    assert record.redaction is not UNSET
    again = ran("replay", record.id, "--ledger", str(house.gateway.ledger))
    assert (again.code, again.err) == (0, "")
    return record


def b64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


HALF = f"{PAT[:12]}\u200b{PAT[12:]}"
PARTS = {
    "in base64 beside it": OPENAI.body(f"{TEXT} {b64(f'the token {PAT} of it')}"),
    "in a name beside it": OPENAI.body(TEXT, metadata={PAT: "x"}),
    "with letters that nobody sees": OPENAI.body(f"{TEXT} and {HALF}"),
    "percent-encoded": OPENAI.body(f"{TEXT} https://x.example/?t=%67{PAT[1:]}"),
    "in a call's arguments that hide it": OPENAI.body(
        messages=[
            {"role": "user", "content": TEXT},
            {
                "role": "assistant",
                "content": None,
                "tool_calls": [
                    {
                        "id": "c",
                        "type": "function",
                        "function": {
                            "name": "f",
                            "arguments": msgspec.json.encode({"q": PAT})
                            .decode()
                            .replace("ghp_", "\\u0067hp_"),
                        },
                    }
                ],
            },
            {"role": "tool", "tool_call_id": "c", "content": "done"},
        ]
    ),
}


WHY = (
    "what was found stands where nothing can be replaced",
    "what was found is the name of a field",
)


@pytest.mark.parametrize("part", PARTS)
def test_adv_12_a_redaction_that_would_leave_a_part_sends_nothing(
    quoting: House, part: str
) -> None:
    record = refused(quoting, PARTS[part])
    assert record.redaction is not UNSET
    assert record.redaction.failed == WHY[part == "in a name beside it"]


@pytest.mark.parametrize("form", [OPENAI, ANTHROPIC], ids=str)
def test_adv_12_a_placeholder_of_the_client_sends_nothing(quoting: House, form: Any) -> None:
    raw = form.body(f"{TEXT} [[redacted:github-pat:abcdabcdabcdabcd]]")
    record = refused(quoting, raw, form)
    assert record.redaction is not UNSET
    assert record.redaction.failed == "the request holds a placeholder already"


def test_adv_12_a_redaction_lowers_no_label_of_key_or_claim(quoting: House) -> None:
    for repo, fields in (("payments", ()), ("website", (("x-perimeter-label", "restricted"),))):
        heard = quoting.ask(OPENAI, OPENAI.body(TEXT), repo, fields)
        assert heard.status == 200, heard.body
        record = decided(quoting, heard.record)
        assert record.label is not None
        assert record.label.level.name == "restricted"
        assert record.decision.boundary == {"on_prem"}
        assert PAT.encode() not in seen_by(quoting)[-1]
