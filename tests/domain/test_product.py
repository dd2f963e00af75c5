"""The product that a user agent names first, and nothing else of it."""

import pytest

from gateway.domain.product import product_of


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
