"""The product that a user agent names first, and nothing else of it."""

import pytest

from gateway.domain.product import Product, known_product, product_of


@pytest.mark.parametrize(
    ("user_agent", "product"),
    [
        ("claude-cli/2.0.1 (external, cli)", "claude-cli"),
        ("Codex_CLI_rs/0.50", "codex_cli_rs"),
        ("opencode", "opencode"),
        ("curl 8", "curl"),
        ("", ""),
        ("/1.0", ""),
        ("(hidden) codex/1", ""),
        ("codéx/1", ""),
        ("a" * 64 + "/1", "a" * 64),
        ("a" * 65, ""),
    ],
)
def test_the_first_product_is_named_without_its_version(user_agent: str, product: str) -> None:
    assert product_of(user_agent) == product


@pytest.mark.parametrize(
    ("user_agent", "name", "version"),
    [
        ("claude-cli/2.0.1 (external, cli)", "claude-code", "2.0.1"),
        ("codex_cli_rs/0.50.0-alpha.3 (Debian 12; x86_64)", "codex", "0.50.0-alpha.3"),
        ("OpenAI/Python 2.9.0", "openai-sdk", "2.9.0"),
        ("AsyncAnthropic/Python 0.75.0", "anthropic-sdk", "0.75.0"),
        ("Anthropic/JS 0.71.2", "anthropic-sdk", "0.71.2"),
        ("ollama-python/0.6.3 (x86_64 linux) Python/3.11.2", "ollama", "0.6.3"),
        ("google-genai-sdk/1.55.0 gl-python/3.11.2", "google-genai", "1.55.0"),
        ("Boto3/1.42.1 md/Botocore#1.42.1 ua/2.1", "aws-sdk", "1.42.1"),
        ("opencode", "opencode", ""),
        ("curl/8.14.1", "curl", "8.14.1"),
        ("curl/wilhelmina", "curl", ""),
        ("curl/8.1/wilhelmina", "curl", ""),
        ("curl/" + "8" * 200, "curl", ""),
        ("curl/8.1" + ".1" * 200, "curl", ""),
        ("wilhelmina-cli/2.0.1", "", ""),
        ("", "", ""),
    ],
)
def test_only_a_client_of_our_own_list_is_named(user_agent: str, name: str, version: str) -> None:
    assert known_product(user_agent) == Product(name, version)
