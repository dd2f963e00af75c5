"""The files that ship: right, sourced, and not past their end."""

from datetime import date
from pathlib import Path

from gateway.config.backends import Known
from gateway.config.catalogue import read_models
from gateway.config.folders import read_models_files

MODELS = Path(__file__).parents[2] / "models"
BUILT = date(2026, 11, 21)
SHIPPED = read_models(
    read_models_files(MODELS),
    Known(
        kinds=frozenset({"vllm", "ollama", "anthropic"}),
        zones=frozenset({"on_prem", "frontier"}),
        secrets=frozenset({"anthropic"}),
    ),
    MODELS,
)


def test_the_shipped_models_have_no_problems():
    assert SHIPPED.problems == ()


def test_every_price_has_a_source_and_a_day():
    for offering in SHIPPED.catalogue.offerings:
        assert offering.price.source
        assert offering.price.verified_on <= BUILT


def test_nothing_is_past_its_end():
    assert all(end > BUILT for end in SHIPPED.ends.values())


def test_short_names_lead_to_exact_ones():
    assert SHIPPED.catalogue.aliases["claude-opus"] == "claude-opus-5-5"
    assert SHIPPED.catalogue.aliases["claude-sonnet"] == "claude-sonnet-5-5"


def test_every_task_names_models_that_are_there():
    assert {"plan", "code", "qa", "review"} <= set(SHIPPED.catalogue.tasks)


def test_prices_are_those_of_the_list():
    prices = {o.model: o.price for o in SHIPPED.catalogue.offerings}
    opus = prices["claude-opus-5-5"]
    assert (opus.input_microusd, opus.output_microusd) == (4_000_000, 20_000_000)
    assert (opus.cache_read_microusd, opus.cache_write_microusd) == (200_000, 5_000_000)
    assert prices["claude-haiku-5-5"].cache_read_microusd == 10_000
    assert prices["qwen3-coder-30b"].input_microusd == 0


def test_every_ollama_offering_fixes_its_context():
    at_ollama = [o for o in SHIPPED.catalogue.offerings if o.backend == "ollama"]
    assert at_ollama
    assert all(o.settings["num_ctx"] >= o.context_tokens for o in at_ollama)
