import sysconfig
from pathlib import Path
from typing import Any

import msgspec
import pytest

from gateway.classification.parts import EDGE, SEPARATOR
from gateway.classification.texts import Hit, join_texts
from tests.doubles.compiled_secrets import all_secrets
from tests.doubles.vendor_secrets import ASSIGNED, FORMATS, Draw


def raising(body: dict[str, Any]) -> list[tuple[Hit, str]]:
    """Return the hits that raise a label, each with its path."""
    joined = join_texts(body)
    scanned = all_secrets().scan(joined.buffer)
    assert not scanned.truncated
    found = [hit for hit in scanned.hits if not hit.tag_only]
    return [(hit, joined.place(hit.start, hit.end).path) for hit in found]


def secret_of(vendor: str) -> str:
    return FORMATS[vendor](Draw(vendor))


def kind_of(vendor: str) -> str:
    return vendor.partition(" ")[0]


def test_more_than_forty_vendors_are_tried() -> None:
    assert len({kind_of(vendor) for vendor in FORMATS}) >= 40


@pytest.mark.parametrize("vendor", FORMATS)
def test_a_secret_in_prose_is_found_where_it_stands(vendor: str) -> None:
    secret = secret_of(vendor)
    text = f"please rotate this for me:\n{secret}\nthanks"
    joined = join_texts({"messages": [{"role": "user", "content": text}]})
    hits = [hit for hit in all_secrets().scan(joined.buffer).hits if kind_of(vendor) in hit.kind]
    assert hits
    start = joined.buffer.index(secret.encode())
    assert any(hit.start <= start + 8 and hit.end >= start + len(secret) - 8 for hit in hits)


def test_a_secret_that_is_a_whole_string_is_found_with_its_place() -> None:
    for vendor in FORMATS:
        found = raising({"tools": [{"schema": {"enum": ["x", [secret_of(vendor)], "y"]}}]})
        assert any(kind_of(vendor) in hit.kind for hit, _ in found), vendor
        assert {path for _, path in found} == {"/tools/0/schema/enum/1/0"}, vendor


def test_a_secret_in_a_key_is_found_and_its_place_does_not_repeat_it() -> None:
    for vendor in FORMATS:
        found = raising({"metadata": {"first": "x", secret_of(vendor): ["x"]}})
        assert any(kind_of(vendor) in hit.kind for hit, _ in found), vendor
        assert {path for _, path in found} == {"/metadata/#1#"}, vendor


def test_a_secret_in_two_strings_is_not_made_one() -> None:
    for vendor in FORMATS:
        secret = secret_of(vendor)
        half = len(secret) // 2
        body = {"x": [secret[:half], secret[half:]]}
        buffer = join_texts(body).buffer
        texts = [buffer[hit.start : hit.end].strip(SEPARATOR) for hit, _ in raising(body)]
        assert not any(EDGE in text for text in texts), vendor


def test_a_secret_on_a_line_of_a_tool_call_in_json_text_is_found() -> None:
    for vendor in FORMATS:
        secret = secret_of(vendor)
        arguments = msgspec.json.encode({"content": f"first\n{secret}\nlast"}).decode()
        function = {"name": "write", "arguments": arguments}
        found = raising({"messages": [{"tool_calls": [{"function": function}]}]})
        assert any(kind_of(vendor) in hit.kind for hit, _ in found), vendor


@pytest.mark.parametrize("vendor", ASSIGNED)
def test_a_secret_is_known_by_the_name_it_is_assigned_to(vendor: str) -> None:
    name, make = ASSIGNED[vendor]
    secret = make(Draw(vendor))
    for text in (f'{name}="{secret}"', f"export {name}={secret}", f'{{"{name}": "{secret}"}}'):
        found = raising({"messages": [{"content": text}]})
        assert any(vendor in hit.kind for hit, _ in found), name


@pytest.mark.parametrize("vendor", ASSIGNED)
def test_a_key_of_the_body_is_such_a_name_too(vendor: str) -> None:
    name, make = ASSIGNED[vendor]
    secret = make(Draw(vendor))
    found = raising({"messages": [{"content": [{"type": "tool_use", "input": {name: secret}}]}]})
    assert any(vendor in hit.kind for hit, _ in found)
    assert {path for _, path in found} == {"/messages/0/content/0/input/#0"} or "_" in name


@pytest.mark.parametrize("vendor", ASSIGNED)
def test_a_name_in_another_string_is_not_such_a_name(vendor: str) -> None:
    name, make = ASSIGNED[vendor]
    assert raising({"x": [f"{name}=", make(Draw(vendor))]}) == []


def test_a_password_on_a_command_line_is_found() -> None:
    command = "curl -u deploy:" + Draw("curl")("abcdefghjkmnpqrstuvwxyz23456789", 18)
    assert [hit.kind for hit, _ in raising({"x": [f"{command} https://example.com/"]})] == [
        "curl-auth-user"
    ]


def test_a_header_on_a_command_line_is_found() -> None:
    token = Draw("header")("abcdefghjkmnpqrstuvwxyz23456789", 40)
    command = f"curl -s \\\n  -H 'Authorization: Bearer {token}' https://example.com/"
    assert [hit.kind for hit, _ in raising({"x": [command]})] == ["curl-auth-header"]


def test_a_secret_of_a_cluster_is_found() -> None:
    value = Draw("cluster")("abcdefghijklmnopqrstuvwxyzABCDEFGH0123456789", 40)
    manifest = f"apiVersion: v1\nkind: Secret\nmetadata:\n  name: x\ndata:\n  password: {value}\n"
    assert [hit.kind for hit, _ in raising({"x": [manifest]})] == ["kubernetes-secret-yaml"]


CLEAN = {
    "an example of the manual": "aws_access_key_id = AKIAIOSFODNN7EXAMPLE",
    "another example": "aws_secret_access_key = wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
    "the token of the tutorial": (
        "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9"
        ".eyJzdWIiOiIxMjM0NTY3ODkwIiwibmFtZSI6IkpvaG4gRG9lIiwiaWF0IjoxNTE2MjM5MDIyfQ"
        ".SflKxwRJSMeKKF2QT4fwpMeJf36POk6yJV_adQssw5c"
    ),
    "a placeholder": "export GITHUB_TOKEN=ghp_" + "x" * 36,
    "a prefix without chance": "AKIA" + "A" * 16,
    "a commit": "commit 3b18e512dba79e4c8300dd08aeb37f8e728b8dad",
    "a digest": "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "an id of a call": "call_9Kq2mZ7xT4bV1nR8cW5yL3pD",
    "an id of a tool": "toolu_01A09q90qw90lq917835lq9",
    "a message id": "msg_01XFDUDYJgAACzvnptvVoYEL",
    "a uuid": "123e4567-e89b-42d3-a456-426614174000",
    "an email": "Ann Example <ann@example.com>",
    "a public key": "-----BEGIN PUBLIC KEY-----\nMIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8A\n",
    "a certificate": "-----BEGIN CERTIFICATE-----\nMIIDdzCCAl+gAwIBAgIEAgAAuTANBgkqhkiG9w0\n",
    "a variable": 'curl -H "Authorization: Bearer $TOKEN" https://example.com/',
    "a template": "password: {{ .Values.password }}",
    "code": "def token(self) -> str:\n    return self._token or os.environ['API_TOKEN']\n",
    "prose": "The access token is secret, keep the api key safe and never share a password.",
    "a picture": "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6",
}


@pytest.mark.parametrize("what", CLEAN)
def test_what_is_no_secret_raises_nothing(what: str) -> None:
    assert raising({"messages": [{"role": "user", "content": CLEAN[what]}]}) == []


def test_an_example_does_not_hide_a_secret_behind_it() -> None:
    secret = secret_of("aws-access key id")
    text = f"AKIAIOSFODNN7EXAMPLE {secret} AKIAIOSFODNN7EXAMPLE"
    joined = join_texts({"x": text})
    (found,) = all_secrets().scan(joined.buffer).hits
    assert joined.buffer[found.start : found.end] == secret.encode()


def test_many_examples_do_not_hide_a_secret_behind_them() -> None:
    secret = secret_of("aws-access key id")
    text = " ".join(["AKIAIOSFODNN7EXAMPLE"] * 60 + [secret])
    assert "aws-access-token" in {hit.kind for hit, _ in raising({"x": text})}


def test_twenty_thousand_lines_of_ordinary_code_raise_next_to_nothing() -> None:
    lines, raised = 0, 0
    for path in sorted(Path(sysconfig.get_path("stdlib")).glob("*.py")):
        text = path.read_text(encoding="utf-8")
        lines += text.count("\n")
        raised += len(raising({"messages": [{"role": "user", "content": text}]}))
        if lines > 20_000:
            break
    assert lines > 20_000
    assert raised <= 1
