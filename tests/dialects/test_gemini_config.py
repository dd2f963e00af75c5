import pytest

from gateway.dialects.gemini import GEMINI as DIALECT
from gateway.domain.conversation import EFFORTS, Conversation, Sampling, Text, Turn
from tests.doubles.google_models import HELLO, MODELS, SCHEMA, TOOL, asked, at

SAMPLING = Sampling(4321, 2.5, 0.9, 40, 2**40, 0.1, 0.2, ("a", "b", "c", "d", "e", "f"))


def config(model="third", **more):
    body, losses = asked(model=model, **more)
    return body.get("generationConfig", {}), losses


def test_sampling_is_said_within_what_the_vendor_takes():
    sampling = SAMPLING
    third, losses = config(sampling=sampling)
    assert third == {
        "maxOutputTokens": 4321,
        "temperature": 2.0,
        "topP": 0.9,
        "topK": 40,
        "stopSequences": ["a", "b", "c", "d", "e"],
    }
    assert losses == ("temperature", "stop", "seed", "frequency_penalty", "presence_penalty")
    second, losses = config("second", sampling=sampling)
    assert (second["frequencyPenalty"], second["presencePenalty"]) == (0.1, 0.2)
    assert config(sampling=Sampling(seed=7)) == ({"seed": 7}, ())


@pytest.mark.parametrize(
    ("model", "effort", "level", "lost"),
    [
        ("third", "low", "LOW", ()),
        ("third", "high", "HIGH", ()),
        ("third", "minimal", "LOW", ("effort",)),
        ("third", "medium", "HIGH", ("effort",)),
        ("third", "max", "HIGH", ("effort",)),
        ("third", "off", "LOW", ("thinking_off",)),
        ("later", "medium", "MEDIUM", ()),
        ("flash", "minimal", "MINIMAL", ()),
        ("flash", "xhigh", "HIGH", ("effort",)),
        ("flash", "off", "MINIMAL", ("thinking_off",)),
    ],
)
def test_an_effort_is_a_level_for_the_third_family(model, effort, level, lost):
    found, losses = config(model, thinking=effort)
    shown = {} if effort == "off" else {"includeThoughts": True}
    assert found == {"thinkingConfig": {**shown, "thinkingLevel": level}}
    assert losses == lost


@pytest.mark.parametrize(
    ("model", "effort", "given", "budget", "lost"),
    [
        ("second", "low", (None, None), 1_024, ()),
        ("second", "high", (None, None), 24_576, ()),
        ("second", "max", (None, None), 24_576, ("effort",)),
        ("pro", "max", (None, None), 32_768, ()),
        ("second", "high", (None, 4_000), 2_000, ("effort",)),
        ("lite", "low", (None, 100), 512, ("effort",)),
        ("second", "high", (5_000, None), 5_000, ()),
        ("pro", "low", (5, None), 128, ("thinking_tokens_max",)),
        ("second", "off", (None, None), 0, ()),
        ("pro", "off", (None, None), 128, ("thinking_off",)),
        ("tuned", "medium", (None, None), 8_192, ()),
    ],
)
def test_an_effort_is_a_budget_for_the_second_family(model, effort, given, budget, lost):
    bound, limit = given
    found, losses = config(
        model, thinking=effort, thinking_tokens_max=bound, sampling=Sampling(limit)
    )
    assert found["thinkingConfig"]["thinkingBudget"] == budget
    assert losses == lost


def test_a_level_says_no_number():
    assert config(thinking="low", thinking_tokens_max=5)[1] == ("thinking_tokens_max",)


def test_a_model_that_does_not_think_is_not_told_to():
    assert config("old", thinking="high") == ({}, ("thinking",))
    assert config("old", thinking="off") == ({}, ())
    plain = at("tuned", capabilities=frozenset())
    conversation = Conversation((), (HELLO,), thinking="low")
    assert DIALECT.write(conversation, plain, False)[1] == ("thinking",)


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("effort", [*EFFORTS, "off"])
def test_every_effort_can_be_asked_of_every_model(model, effort):
    asked(model=model, thinking=effort)


def test_the_form_of_an_answer_is_asked_for_where_the_model_takes_it():
    json = {"responseMimeType": "application/json"}
    assert config(answer_schema={}) == (json, ())
    assert config(answer_schema=SCHEMA) == ({**json, "responseJsonSchema": SCHEMA}, ())
    subset = {"type": "object", "properties": {"path": {"type": "string"}}, "required": ["path"]}
    first = config("first", answer_schema=SCHEMA)
    assert first == ({**json, "responseSchema": subset}, ("answer_schema_simplified",))
    plain = {"type": "object", "properties": {}}
    assert config("first", answer_schema=plain) == ({**json, "responseSchema": plain}, ())
    assert config(answer_schema={}, tools=(TOOL,))[0] == json
    assert config("second", answer_schema={}, tools=(TOOL,)) == ({}, ("answer_schema",))


def test_marks_of_a_cache_are_lost_by_name():
    assert asked(Turn("user", (Text("x", cache="5m"),)))[1] == ("cache_control",)
