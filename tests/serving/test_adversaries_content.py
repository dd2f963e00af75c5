"""What a body carries or hides keeps it at home, wherever in the body it stands."""

import base64
import gzip
from typing import Any
from urllib.parse import quote

import pytest

from tests.doubles.dice import dice
from tests.doubles.raw_http import Heard
from tests.doubles.serving_house import ANTHROPIC, FORMS, OPENAI, Form, House
from tests.doubles.vendor_secrets import FORMATS, Draw

PAT = FORMATS["github-pat"](Draw("adversary"))
SAID = f"export GITHUB_TOKEN={PAT} # of the build"
NOISE = dice("noise").randbytes(2_000)
PNG = base64.b64encode(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + NOISE[:300]).decode()
PDF = base64.b64encode(b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n" + NOISE[:300]).decode()
TOOL = {"name": "now", "description": "the time", "parameters": {"type": "object"}}


def b64(data: str | bytes) -> str:
    return base64.b64encode(data.encode() if isinstance(data, str) else data).decode()


def stays_home(house: House, heard: Heard, label: str) -> None:
    """The request was answered on the premises, or by nobody, and its record says why."""
    record = house.record(heard.record)
    assert record["label"] == label
    assert record["decision"]["boundary"] == ["on_prem"]
    assert record["outcome"]["zone"] in {"on_prem", None}
    assert heard.status == 200 or PAT.encode() not in heard.body


def openai_bodies(secret: str) -> dict[str, dict[str, Any]]:
    call = {"id": "c", "type": "function", "function": {"name": "now", "arguments": "{}"}}
    answered = [
        {"role": "user", "content": "hello"},
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "c", "content": secret},
    ]
    listed = {"type": "object", "properties": {"a": {"enum": [secret]}}}
    formed = {"type": "json_schema", "json_schema": {"name": "answer", "schema": listed}}
    described = {"type": "function", "function": {**TOOL, "description": f"as {secret}"}}
    return {
        "a tool's result": OPENAI.body(messages=answered),
        "a tool's description": OPENAI.body(tools=[described]),
        "an enum of a schema": OPENAI.body(response_format=formed),
        "a stop sequence": OPENAI.body(stop=[secret]),
        "a key of logit_bias": OPENAI.body(logit_bias={secret: 1}),
        "a prediction": OPENAI.body(prediction={"type": "content", "content": secret}),
        "metadata": OPENAI.body(metadata={"note": secret}),
        "a key of metadata": OPENAI.body(metadata={secret: "note"}),
        "the user": OPENAI.body(user=secret),
        "the key of a prompt's cache": OPENAI.body(prompt_cache_key=secret),
        "the safety identifier": OPENAI.body(safety_identifier=secret),
        "a name": OPENAI.body(messages=[{"role": "user", "name": secret, "content": "hello"}]),
        "an unknown field": OPENAI.body(x_vendor={"deep": [{"deeper": secret}]}),
    }  # fmt: skip


def anthropic_bodies(secret: str) -> dict[str, dict[str, Any]]:
    use = {"type": "tool_use", "id": "c", "name": "now", "input": {"q": secret}}
    result = {
        "type": "tool_result",
        "tool_use_id": "c",
        "content": [{"type": "text", "text": secret}],
    }
    thought = {"type": "thinking", "thinking": secret, "signature": "c2lnbmVk"}
    tool = {"name": "now", "description": "x", "input_schema": {"type": "object"}}

    def turns(*parts: Any) -> dict[str, Any]:
        messages = [
            {"role": "user", "content": "hello"},
            {"role": "assistant", "content": list(parts)},
        ]
        return ANTHROPIC.body(messages=[*messages, {"role": "user", "content": "go on"}])

    called = [
        {"role": "user", "content": "hello"},
        {"role": "assistant", "content": [{**use, "input": {}}]},
        {"role": "user", "content": [result]},
    ]
    return {
        "a tool's result": ANTHROPIC.body(messages=called),
        "thinking": turns(thought, {"type": "text", "text": "x"}),
        "redacted thinking": turns({"type": "redacted_thinking", "data": b64(secret * 2)}),
        "a tool's description": ANTHROPIC.body(tools=[{**tool, "description": secret}]),
        "an enum of a schema": ANTHROPIC.body(
            tools=[{**tool, "input_schema": {"type": "object", "enum": [secret]}}]
        ),
        "a stop sequence": ANTHROPIC.body(stop_sequences=[secret]),
        "metadata": ANTHROPIC.body(metadata={"user_id": secret}),
        "the system": ANTHROPIC.body(system=[{"type": "text", "text": secret}]),
        "an unknown field": ANTHROPIC.body(x_vendor={"deep": [{"deeper": secret}]}),
    }  # fmt: skip


@pytest.mark.parametrize("place", openai_bodies(""))
def test_adv_14_and_15_a_secret_is_found_in_every_field_of_openai(house: House, place: str) -> None:
    stays_home(house, house.ask(OPENAI, openai_bodies(PAT)[place]), "restricted+secret")


@pytest.mark.parametrize("place", anthropic_bodies(""))
def test_adv_14_and_15_a_secret_is_found_in_every_field_of_anthropic(
    house: House, place: str
) -> None:
    stays_home(house, house.ask(ANTHROPIC, anthropic_bodies(PAT)[place]), "restricted+secret")


HIDDEN = {
    "base64": b64(SAID),
    "base64url": base64.urlsafe_b64encode(SAID.encode()).decode(),
    "hex": SAID.encode().hex(),
    "gzip and base64": b64(gzip.compress(SAID.encode())),
    "a data URL": f"data:text/plain;base64,{b64(SAID)}",
    "percent signs": quote(SAID, safe=""),
    "zero width": "\u200b".join(PAT),
    "a look-alike": PAT.replace("p", "\u0440", 1),
    "JSON inside a string": '{"a": "\\u0067hp_' + PAT[4:] + '"}',
}


@pytest.mark.parametrize("form", FORMS, ids=str)
@pytest.mark.parametrize("name", HIDDEN)
def test_adv_16_a_disguise_does_not_help(house: House, form: Form, name: str) -> None:
    heard = house.ask(form, form.body(f"please look: {HIDDEN[name]}"))
    stays_home(house, heard, "restricted+secret")


@pytest.mark.parametrize("form", FORMS, ids=str)
@pytest.mark.parametrize("text", [PAT[::-1], f'"{PAT[:9]}" + "{PAT[9:]}"'])
def test_adv_16_what_is_reversed_or_cut_is_missed_as_the_page_says(
    house: House, form: Form, text: str
) -> None:
    heard = house.ask(form, form.body(text))
    assert house.record(heard.record)["findings"] == {}


PICTURE = {"url": f"data:image/png;base64,{PNG}"}
PAPER = {"filename": "a.pdf", "file_data": f"data:application/pdf;base64,{PDF}"}
SOUND = {"format": "wav", "data": b64(b"RIFF\x24\0\0\0WAVEfmt " + NOISE)}


def source(media_type: str, data: str) -> dict[str, str]:
    return {"type": "base64", "media_type": media_type, "data": data}


MEDIA: dict[Form, dict[str, Any]] = {
    OPENAI: {
        "a picture": {"type": "image_url", "image_url": PICTURE},
        "a PDF": {"type": "file", "file": PAPER},
        "sound": {"type": "input_audio", "input_audio": SOUND},
        "a picture in words": {"type": "text", "text": f"<image href='{PICTURE['url']}'/>"},
    },
    ANTHROPIC: {
        "a picture": {"type": "image", "source": source("image/png", PNG)},
        "a PDF": {"type": "document", "source": source("application/pdf", PDF)},
        "a picture in words": {"type": "text", "text": PNG},
    },
}


@pytest.mark.parametrize(
    ("form", "name"), [(form, name) for form in MEDIA for name in MEDIA[form]], ids=str
)
def test_adv_20_what_nobody_reads_stays_on_the_premises(
    house: House, form: Form, name: str
) -> None:
    body = form.body()
    body["messages"][0]["content"] = [{"type": "text", "text": "see"}, MEDIA[form][name]]
    stays_home(house, house.ask(form, body), "restricted+opaque")


@pytest.mark.parametrize("form", FORMS, ids=str)
def test_adv_13_many_snippets_that_say_little_alone_say_something_together(
    house: House, form: Form
) -> None:
    few, many = (" ".join(f"p{n}@kunden.de" for n in range(most)) for most in (49, 50))
    heard = house.ask(form, form.body(few))
    assert house.record(heard.record)["label"] == "public"
    stays_home(house, house.ask(form, form.body(many)), "confidential+pii")
