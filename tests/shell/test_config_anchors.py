"""Anchors in the node file: what may stand there, and every mistake told at once."""

import pytest

from gateway.app.anchoring import anchor_problems
from gateway.config.files import load_text
from gateway.config.node import Node
from gateway.domain.secret import Secret
from tests.shell.test_config_node import HEAD, complaints, read

WITNESS = "anchors: {witnesses: {neighbour: {url: %s, key: k}}}\n"
STORE = "anchors: {object_locks: {vault: {url: %s, bucket: %s, region: eu, secret: s3}}}\n"
SECRET = "secrets: {s3: {env: S3}}\n"


def test_nothing_is_anchored_unless_the_file_says_so() -> None:
    settings, _ = read(HEAD)
    assert settings is not None
    assert (settings.anchors.witnesses, settings.anchors.object_locks) == ({}, {})
    assert settings.anchors.every_s == 300


def test_witnesses_and_buckets_are_read() -> None:
    text = (
        "anchors:\n  every_s: 60\n  witnesses: {neighbour: {url: 'https://w.example', key: k,"
        " ca_file: ca.pem, addresses: [10.0.0.0/8]}}\n"
        "  object_locks: {vault: {url: 'https://s3.example', bucket: ledger-anchors, region: eu,"
        " secret: s3, days: 7, mode: GOVERNANCE}}\n"
    )
    settings, problems = read(HEAD + SECRET + text)
    assert problems == []
    assert settings is not None
    assert str(settings.anchors.witnesses["neighbour"].ca_file) == "/node/ca.pem"
    assert settings.anchors.object_locks["vault"].days == 7


@pytest.mark.parametrize(
    ("text", "what"),
    [
        (WITNESS % "http://w.example", "must be https"),
        (WITNESS % "w.example", "neighbour/url"),
        (STORE % ("https://s3.example", "ledger"), "names no secret"),
        (SECRET + STORE % ("http://s3.example", "ledger"), "must be https"),
        (SECRET + STORE % ("https://s3.example", "Ledger_"), "bucket"),
        ("anchors: {every_s: 0}\n", "every_s"),
        (
            "anchors: {witnesses: {a: {url: 'https://w.example', key: k, addresses: [x]}}}\n",
            "must be a CIDR block",
        ),
        (
            SECRET + "anchors: {witnesses: {a: {url: 'https://w.example', key: k}}, object_locks:"
            " {a: {url: 'https://s3.example', bucket: led, region: eu, secret: s3}}}\n",
            "is the name of a witness too",
        ),
    ],
)
def test_what_is_wrong_is_named(text: str, what: str) -> None:
    assert any(what in problem for problem in complaints(text)), complaints(text)


def told(text: str, secret: str) -> list[str]:
    settings, problems = read(HEAD + SECRET + text)
    assert settings is not None, problems
    node = Node(settings, load_text(HEAD + SECRET + text, "perimeter.yaml"))
    return [str(one) for one in anchor_problems(node, {"s3": Secret(secret)})]


def test_keys_of_witnesses_and_of_buckets_are_looked_at_before_the_start() -> None:
    (problem,) = told(WITNESS % "https://w.example", "")
    assert "/anchors/witnesses/neighbour/key" in problem
    key = "remora.n621.de+da77ade7+BOvN63jn/bLvkieywe8R6UYAtVtNbZpXh34x7onlmtw2"
    right = WITNESS.replace("key: k", f"key: {key}") % "https://w.example"
    assert told(right, "") == []
    store = STORE % ("https://s3.example", "ledger")
    assert told(store, "AKIA:secret") == told(store, "AKIA:secret:token") == []
    (problem,) = told(store, "AKIAsecret")
    assert "AKIAsecret" not in problem
