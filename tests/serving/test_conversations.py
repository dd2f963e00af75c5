"""The served gateway remembers: over turns, surfaces, a kill and a start without its store."""

import signal
from pathlib import Path

import openai
import pytest

from gateway.audit.record import Decided
from tests.doubles.gateway_folders import Template, ran, started
from tests.doubles.ledger_sight import records, verified
from tests.doubles.serving_house import ANTHROPIC, OPENAI, Form, House
from tests.serving.conftest import TASKS, backends_of

RESTRICTED = (("x-perimeter-label", "restricted"),)
TURN = "What does the ledger of payments hold, and who may read it? " * 6


@pytest.fixture
def own(template: Template, engines, tmp_path: Path):
    """A house of this test alone."""
    gateway = template.copy(tmp_path / "own", backends_of(engines), tasks=TASKS)
    with started(gateway):
        yield House(gateway, engines)


def label_of(house: House, form: Form, *turns: object, **more: object) -> str:
    fields = more.pop("fields", ())
    body = {**form.body(**more), "messages": list(turns)}
    heard = house.ask(form, body, "website", fields)
    assert heard.status == 200, heard.body
    return str(house.record(heard.record)["label"])


def user(text: str) -> dict:
    return {"role": "user", "content": text}


def a_restricted_reply(house: House, *, stream: bool) -> str:
    """Ask under a label, as OpenAI's own SDK does; return the words of the reply."""
    client = openai.OpenAI(base_url=f"{house.url}/v1", api_key=house.gateway.keys["website"])
    asked = {
        "model": "code",
        "messages": [user("tell me mock:words=60")],
        "extra_headers": dict(RESTRICTED),
    }
    if not stream:
        return str(client.chat.completions.create(**asked).choices[0].message.content)
    chunks = client.chat.completions.create(**asked, stream=True)
    return "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("form", [OPENAI, ANTHROPIC], ids=str)
def test_a_reply_brings_its_label_back_at_once(house, form, stream) -> None:
    words = a_restricted_reply(house, stream=stream)
    assert len(words.split()) > 50
    history = [user("tell me"), {"role": "assistant", "content": words}, user("and now?")]
    assert label_of(house, form, *history) == "restricted"
    history[1]["content"] = [{"type": "text", "text": words}]
    assert label_of(house, form, *history) == "restricted"
    history[1]["content"] = words + " more"
    assert label_of(house, form, *history) == "public"


def test_the_memory_outlives_a_kill_and_the_loss_of_its_store(own) -> None:
    words = a_restricted_reply(own, stream=True)
    assert label_of(own, OPENAI, user(TURN), fields=RESTRICTED) == "restricted"
    history = [user("tell me"), {"role": "assistant", "content": words}, user("and now?")]
    own.gateway.stop(signal.SIGKILL)
    own.gateway.start()
    assert label_of(own, OPENAI, user(TURN)) == "restricted"
    assert label_of(own, OPENAI, *history) == "restricted"
    own.gateway.stop()
    for path in (own.gateway.folder / "data").glob("conversations.sqlite*"):
        path.unlink()
    own.gateway.start()
    assert label_of(own, OPENAI, user(TURN)) == "restricted"
    assert label_of(own, OPENAI, *history) == "restricted"
    verified(own.gateway)


def test_records_of_one_run_are_told_together(house) -> None:
    session = (("x-session-id", "session-9f9f"),)
    told = [
        house.ask(OPENAI, OPENAI.body(text), "website", fields).record
        for text, fields in (("one", session), ("two", session), ("three", ()))
    ]
    decided = {one.id: one for one in records(house.gateway) if isinstance(one, Decided)}
    run = decided[told[0]].run
    assert decided[told[1]].run == run != decided[told[2]].run
    ledger = str(house.gateway.ledger)
    listed = ran("explain", "--run", run, "--ledger", ledger)
    assert listed.code == 0
    assert [line.split()[0] for line in listed.out.splitlines()[:2]] == told[:2]
    assert told[2] not in listed.out
    assert f"It belongs to the run {run}." in ran("explain", told[0], "--ledger", ledger).out
    assert house.record(told[0])["run"] == run
    for name in ("nothing", ""):
        assert ran("explain", "--run", name, "--ledger", ledger).code == 1
    assert ran("explain", "--run", run, "--ledger", ledger + "-none").code in (1, 2)
