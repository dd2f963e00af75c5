"""What `check` says of hosts that pass prompts on, and of settings that they do not know."""

import pytest

from tests.doubles.gateway_folders import Ran, Template, ran

BACKENDS = """version: 1
backends:
  home: {{kind: {kind}, url: "http://127.0.{place}.1:9", zone: {zone}{more}}}
"""
SECRETS = "secrets: {router: {env: PERIMETER_TEST_ROUTER}}"


@pytest.fixture
def checked(template: Template, tmp_path, monkeypatch):
    monkeypatch.setenv("PERIMETER_TEST_ROUTER", "sk-canary")

    def check(kind: str, zone: str = "frontier", more: str = ", secret: router") -> Ran:
        nowhere = {"home": ("vllm", "http://127.0.1.1:9", "on_prem")}
        gateway = template.copy(tmp_path / "node", nowhere, more=SECRETS)
        place = 1 if zone == "on_prem" else 2
        text = BACKENDS.format(kind=kind, zone=zone, more=more, place=place)
        (gateway.folder / "models" / "backends.yaml").write_text(text)
        return ran("check", str(gateway.node))

    return check


@pytest.mark.parametrize("kind", ["openrouter", "perplexity", "groq", "mistral", "deepseek"])
def test_a_host_in_a_zone_of_the_world_is_right(checked, kind) -> None:
    assert checked(kind).err == ""


@pytest.mark.parametrize("kind", ["openrouter", "perplexity"])
def test_who_passes_prompts_on_is_refused_in_a_zone_of_regions(checked, kind) -> None:
    told = checked(kind, "on_prem")
    assert told.code == 2
    assert "backends.yaml:3" in told.err
    assert "its zone must process in `world`" in told.err


def test_a_host_needs_its_key(checked) -> None:
    assert "needs a secret" in checked("groq", more="").err


@pytest.mark.parametrize(
    ("kind", "more", "told"),
    [
        ("openrouter", "settings: {only: [x]}", "settings"),
        ("openrouter", "settings: {sort: price}", "no such setting"),
        ("openrouter", "settings: {data_collection: yes}", "must be one of"),
        ("openai_compatible", "settings: {base_path: v1}", "a plain path"),
        ("openai_compatible", "settings: {base_path: '/a/../b'}", "a plain path"),
    ],
)
def test_settings_that_cannot_be_right_are_told_by_line(checked, kind, more, told) -> None:
    found = checked(kind, more=f", secret: router, {more}")
    assert found.code == 2
    assert "backends.yaml:3" in found.err
    assert told in found.err
    assert "canary" not in found.err


@pytest.mark.parametrize("path", ["/v1", "/api/v1", "/inference"])
def test_any_host_is_asked_under_a_plain_path(checked, path) -> None:
    more = f", settings: {{base_path: {path}}}"
    assert checked("openai_compatible", more=more).err == ""
