"""The catalogue: offerings, aliases and exact prices."""

from datetime import date
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.config.backends import Known
from gateway.config.catalogue import Models, notices, read_models
from gateway.config.files import load_text
from gateway.config.prices import NotMoneyError, microusd
from gateway.domain.errors import ConfigError
from gateway.domain.money import Tokens

BACKENDS = """\
version: 1
backends:
  vllm: {kind: vllm, url: 'http://vllm:8000', zone: on_prem}
  ollama: {kind: ollama, url: 'http://ollama:11434', zone: on_prem}
  cloud: {kind: anthropic, url: 'https://api.example', zone: frontier}
"""
KNOWN = Known(kinds=frozenset({"vllm", "ollama", "anthropic"}))
PRICE = "price: {input: '0.15', output: 3, source: a price list, verified_on: 2026-11-20}"


def an_offering(backend: str = "vllm", **changes: str) -> str:
    """Return an offering as YAML; a change of None leaves the key out."""
    parts = {
        "backend": backend,
        "wire_model": "m-1",
        "context_tokens": "1000",
        "output_tokens_max": "100",
        "capabilities": "[tools]",
    } | changes
    price = parts.pop("price", PRICE)
    written = ", ".join(f"{key}: {value}" for key, value in parts.items() if value)
    return "{" + ", ".join(part for part in (written, price) if part) + "}"


def a_catalogue(**models: str) -> str:
    lines = [
        f"  {name.replace('__', ':').replace('_', '-')}: {body}" for name, body in models.items()
    ]
    return "\n".join(["version: 1", "models:", *lines, ""])


def a_model(*offerings: str, aliases: str = "[]") -> str:
    return f"{{aliases: {aliases}, offerings: [{', '.join(offerings)}]}}"


def read(catalog: str, tasks: str = "{}\n", backends: str = BACKENDS) -> Models:
    texts = {"catalog": catalog, "backends": backends, "tasks": tasks}
    documents = {name: load_text(text, f"{name}.yaml") for name, text in texts.items()}
    return read_models(documents, KNOWN, Path("/models"))


def complaints(catalog: str, backends: str = BACKENDS) -> list[str]:
    models = read(catalog, backends=backends)
    assert models.problems
    return [str(problem) for problem in models.problems]


@pytest.mark.parametrize(
    ("model", "wire_model", "fim", "family"),
    [
        ("m", "m-1", "", ""),
        ("m", "Qwen/Qwen3-Coder-30B", "", "qwen"),
        ("codestral", "m-1", "", "codestral"),
        ("codestral", "m-1", "none", ""),
        ("m", "m-1", "deepseek", "deepseek"),
        ("m", "qwen3-coder", "native", "native"),
    ],
)
def test_a_model_fills_in_as_the_catalogue_says_or_its_name_tells(model, wire_model, fim, family):
    said = f"fim: {fim}, " if fim else ""
    entry = f"{{{said}offerings: [{an_offering(wire_model=wire_model)}]}}"
    models = read(a_catalogue(**{model: entry}))
    assert models.problems == ()
    (offering,) = models.catalogue.offerings
    assert offering.fim == family
    assert ("fim" in offering.capabilities) == bool(family)


def test_only_ollama_puts_a_question_into_a_template():
    settled = {"settings": "{num_ctx: 32768}"}
    models = read(a_catalogue(m=a_model(an_offering("ollama", **settled), an_offering())))
    native, plain = models.catalogue.offerings
    assert "template" in native.capabilities
    assert "template" not in plain.capabilities


def test_a_family_that_nobody_knows_is_a_problem():
    entry = f"{{fim: canary, offerings: [{an_offering()}]}}"
    assert "fim" in complaints(a_catalogue(m=entry))[0]


def test_an_offering_has_its_id_zone_and_price():
    models = read(a_catalogue(m=a_model(an_offering("cloud"), an_offering(), aliases="[short]")))
    assert models.problems == ()
    cloud, vllm = models.catalogue.offerings
    assert (cloud.id, cloud.zone, cloud.wire_model) == ("m@cloud", "frontier", "m-1")
    assert (vllm.id, vllm.zone) == ("m@vllm", "on_prem")
    assert cloud.capabilities == frozenset({"tools"})
    assert cloud.price.verified_on == date(2026, 11, 20)
    assert models.catalogue.aliases == {"short": "m"}
    assert models.catalogue.models == ("m",)
    assert list(models.backends) == ["vllm", "ollama", "cloud"]


def test_a_price_is_whole_micro_us_dollars():
    (offering,) = read(a_catalogue(m=a_model(an_offering()))).catalogue.offerings
    assert offering.price.input_microusd == 150_000
    assert offering.price.output_microusd == 3_000_000
    assert offering.price.cost_microusd(Tokens(input_tokens=1_000_000)) == 150_000


def test_a_cache_price_that_is_left_out_is_that_of_input():
    price = "price: {input: 4, output: 20, cache_read: '0.2', source: s, verified_on: 2026-11-20}"
    (offering,) = read(a_catalogue(m=a_model(an_offering(price=price)))).catalogue.offerings
    assert offering.price.cache_read_microusd == 200_000
    assert offering.price.cache_write_microusd == 4_000_000


@pytest.mark.parametrize(
    ("written", "micro"),
    [(0, 0), (3, 3_000_000), ("0.15", 150_000), ("0.000001", 1), ("99999.999999", 99_999_999_999),
     ("0", 0), ("1.0", 1_000_000)],
)  # fmt: skip
def test_money_is_read_exactly(written, micro):
    assert microusd(written) == micro


@pytest.mark.parametrize(
    "written",
    ["", "x", "-1", "+1", "1.", ".5", "01", "1e3", "1,5", "$3", " 3", "3\n", "0.0000001", "1_000",
     "\u0663", -1, 100_000, 10**12, "100000", "NaN", "1.5.5"],
)  # fmt: skip
def test_what_is_no_exact_amount_is_refused(written):
    with pytest.raises(NotMoneyError):
        microusd(written)


@settings(max_examples=200, deadline=None)
@given(st.integers(0, 10**11 - 1))
def test_every_amount_comes_back(micro):
    assert microusd(f"{micro // 10**6}.{micro % 10**6:06}") == micro


def test_adv_84_a_float_is_no_price():
    price = "price: {input: 0.15, output: 3, source: s, verified_on: 2026-11-20}"
    (problem,) = complaints(a_catalogue(m=a_model(an_offering(price=price))))
    assert problem.endswith(
        "/price/input: must be text such as 0.15 or a whole number, not a number (put it in quotes)"
    )


def test_every_wrong_amount_of_a_price_is_told():
    price = (
        "price: {input: '-1', output: '0.0000001', cache_read: x, cache_write: 100000, "
        "source: s, verified_on: 2026-11-20}"
    )
    found = complaints(a_catalogue(m=a_model(an_offering(price=price))))
    assert [problem.split("/price/")[1].partition(":")[0] for problem in found] == [
        "cache_read",
        "cache_write",
        "input",
        "output",
    ]


def test_a_wrong_input_price_is_told_once():
    price = "price: {input: x, output: 1, source: s, verified_on: 2026-11-20}"
    (problem,) = complaints(a_catalogue(m=a_model(an_offering(price=price))))
    assert "/price/input" in problem


def test_an_offering_without_a_price_is_refused():
    assert "`price` is missing" in complaints(a_catalogue(m=a_model(an_offering(price=""))))[0]


@pytest.mark.parametrize("missing", ["source: s, ", "verified_on: 2026-11-20", "output: 3, "])
def test_a_price_says_where_and_when_it_was_read(missing):
    price = "price: {input: 1, output: 3, source: s, verified_on: 2026-11-20}".replace(missing, "")
    assert "is missing" in complaints(a_catalogue(m=a_model(an_offering(price=price))))[0]


def test_an_unknown_backend_names_the_nearest():
    (problem,) = complaints(a_catalogue(m=a_model(an_offering("vlm"))))
    assert problem == (
        "catalog.yaml:3: /models/m/offerings/0/backend: no such backend (did you mean `vllm`?)"
    )


def test_a_backend_that_is_itself_wrong_is_told_once():
    found = complaints(
        a_catalogue(m=a_model(an_offering("vllm"))), BACKENDS.replace("http://vllm:8000", "vllm")
    )
    assert [problem.partition(":")[0] for problem in found] == ["backends.yaml"]


def test_a_reply_longer_than_the_context_is_refused():
    offering = an_offering(output_tokens_max="1001")
    assert "is more than context_tokens" in complaints(a_catalogue(m=a_model(offering)))[0]


@pytest.mark.parametrize(
    ("key", "value"),
    [("context_tokens", "0"), ("context_tokens", "256k"), ("output_tokens_max", "null"),
     ("capabilities", "[tool]"), ("capabilities", "[tools, tools]"), ("capabilities", "tools"),
     ("wire_model", "''"), ("wire_model", "'a b'"), ("wire_model", "'\u0430'"), ("wire_model", "3"),
     ("settings", "{num_ctx: [1]}"), ("settings", "{num_ctx: 1.5}"), ("end_of_life", "soon"),
     ("zone", "frontier"), ("region", "eu"), ("backend", "null")],
)  # fmt: skip
def test_a_wrong_value_of_an_offering_is_one_problem(key, value):
    assert len(complaints(a_catalogue(m=a_model(an_offering(**{key: value}))))) == 1


def test_a_model_is_offered_somewhere():
    assert "must not be empty" in complaints(a_catalogue(m="{offerings: []}"))[0]
    assert "`offerings` is missing" in complaints(a_catalogue(m="{aliases: [x]}"))[0]
    assert "must not be empty" in complaints("version: 1\nmodels: {}\n")[0]


def test_a_model_is_offered_once_at_a_backend():
    (problem,) = complaints(a_catalogue(m=a_model(an_offering(), an_offering(wire_model="m-2"))))
    assert problem.endswith("/offerings/1/backend: `m` is listed twice at this backend")


def test_two_models_cannot_share_a_wire_model_at_a_backend():
    (problem,) = complaints(a_catalogue(m=a_model(an_offering()), n=a_model(an_offering())))
    assert problem.endswith(
        "/models/n/offerings/0/wire_model: `m` has the same wire model at this backend"
    )


def test_an_alias_leads_to_one_model():
    found = complaints(
        a_catalogue(
            m=a_model(an_offering(), aliases="[a, n, m, a]"),
            n=a_model(an_offering(wire_model="n-1"), aliases="[a]"),
        )
    )
    assert [problem.partition("/models/")[2] for problem in found] == [
        "m/aliases/1: is the name of a model",
        "m/aliases/2: is the name of a model",
        "m/aliases/3: is already an alias of `m`",
        "n/aliases/0: is already an alias of `m`",
    ]


def test_a_name_may_not_read_as_an_offering_of_a_backend():
    found = complaints(
        a_catalogue(vllm__x=a_model(an_offering(), aliases="['ollama:y', 'other:z']"))
    )
    assert [problem.rpartition(": ")[2] for problem in found] == [
        "a name may not begin with the backend `vllm:`",
        "a name may not begin with the backend `ollama:`",
    ]


def test_ollama_states_its_context():
    (problem,) = complaints(a_catalogue(m=a_model(an_offering("ollama"))))
    assert "an offering at Ollama states `num_ctx` (write settings: {num_ctx: 32768})" in problem
    fixed = an_offering("ollama", settings="{num_ctx: 1000}")
    assert read(a_catalogue(m=a_model(fixed))).catalogue.offerings[0].settings == {"num_ctx": 1000}
    short = an_offering("ollama", settings="{num_ctx: 999}")
    assert "context_tokens: is more than num_ctx" in complaints(a_catalogue(m=a_model(short)))[0]


@pytest.mark.parametrize("name", ["m:cloud", "m-cloud", "gpt-oss:120b-cloud", "m:CLOUD", "m:Cloud"])
def test_adv_52_an_ollama_name_that_ends_in_cloud_is_refused(name):
    cloud = an_offering("ollama", wire_model=f"'{name}'", settings="{num_ctx: 1000}")
    assert "runs on Ollama's servers" in complaints(a_catalogue(m=a_model(cloud)))[0]
    assert read(a_catalogue(m=a_model(an_offering(wire_model=f"'{name}'")))).problems == ()


@pytest.mark.parametrize(
    "name", ["'a b'", "'a@b'", "'-a'", "'\u0441laude'", "''", f"'{'a' * 128}'"]
)
def test_adv_05_the_name_of_a_model_is_plain_ascii(name):
    assert complaints_or_refusal(f"version: 1\nmodels:\n  {name}: {a_model(an_offering())}\n")


def complaints_or_refusal(catalog: str) -> bool:
    try:
        return bool(complaints(catalog))
    except ConfigError:
        return True


def test_all_problems_of_all_files_are_told_at_once():
    found = complaints(
        "models:\n  m: " + a_model(an_offering("nowhere")) + "\nmodel: 1\n",
        BACKENDS.replace("zone: frontier", "zone: 3").replace("version: 1", "version: 9"),
    )
    assert [problem.partition(": ")[0] for problem in found] == [
        "backends.yaml:1",
        "backends.yaml:5",
        "catalog.yaml:1",
        "catalog.yaml:2",
        "catalog.yaml:3",
    ]


def test_what_has_aged_is_told_and_is_no_problem():
    models = read(
        a_catalogue(
            m=a_model(an_offering(end_of_life="2026-12-01")),
            n=a_model(an_offering(wire_model="n-1")),
        )
    )
    assert models.ends == {"m@vllm": date(2026, 12, 1)}
    assert notices(models, date(2026, 11, 30)) == ()
    assert notices(models, date(2026, 12, 1)) == ("m@vllm: reached its end of life on 2026-12-01",)
    assert "n@vllm: its price was verified 61 days ago" in notices(models, date(2027, 1, 20))
    assert "n@vllm: its price was verified in the future" in notices(models, date(2026, 11, 19))


def test_documents_that_are_no_maps_are_problems_and_nothing_else():
    found = [str(p) for p in read("[1]", "[1]", "[1]").problems]
    assert {problem.partition(":")[0] for problem in found} == {
        "backends.yaml",
        "catalog.yaml",
        "tasks.yaml",
    }
