"""Six requests, what is expected of each, and what the gateway says about it afterwards."""

import http.client
import time
from typing import Any

import msgspec
from msgspec import Struct

from gateway.cli.demo.stage import POLL_S, TIMEOUT_S, Stage, fetch

SECRET_PARTS = ("glpat-", "Zq8vT3mK5pX1wR7nB2cD")
DOWN = frozenset({502, 503})


class Scene(Struct, frozen=True):
    """One request. `zone` is who must answer, None for nobody."""

    title: str
    repo: str
    prompt: str
    zone: str | None
    level: str
    stream: bool = False
    claim: str | None = None
    down: str | None = None


SCENES = (
    Scene("a public repository", "website", "Write a haiku.", "frontier", "public"),
    Scene("a restricted repository", "payments", "Explain this ledger.", "on_prem", "restricted"),
    Scene(
        "a secret pasted into a public prompt",
        "website",
        f"Why does this token fail? {''.join(SECRET_PARTS)}",
        "on_prem",
        "restricted+secret",
    ),
    Scene(
        "a client that claims a lower label",
        "payments",
        "Explain this ledger.",
        "on_prem",
        "restricted",
        claim="public",
    ),
    Scene(
        "a restricted repository while the on-prem engine is down",
        "payments",
        "Explain this ledger.",
        None,
        "restricted",
        down="on_prem",
    ),
    Scene("a stream", "website", "Count to five.", "frontier", "public", stream=True),
)


def play(stage: Stage) -> list[str]:
    """Send every request; returns what was not as expected."""
    failures = []
    for number, scene in enumerate(SCENES, start=1):
        print(f"\n{number}. {scene.title}")
        failures += [f"{scene.title}: {what}" for what in _play(stage, scene)]
    return failures


def _play(stage: Stage, scene: Scene) -> list[str]:
    if scene.down is not None:
        stage.stop_engine(scene.down)
    seen = stage.served("frontier")
    key = stage.keys[scene.repo]
    claim = {} if scene.claim is None else {"x_perimeter_label": scene.claim}
    body = {
        "model": "code",
        "stream": scene.stream,
        "messages": [{"role": "user", "content": scene.prompt}],
    }
    status, headers, raw = fetch(
        stage.gateway, "POST", "/v1/chat/completions", body, authorization=f"Bearer {key}", **claim
    )
    record = headers.get("x-perimeter-record", "")
    told = _settled_record(stage, key, record)
    if told is None:
        return [f"status {status} and no record"]
    _show(status, record, told)
    expected = [
        ("label", scene.level, told["label"]),
        ("answered by", scene.zone, told["outcome"]["zone"]),
        ("demo", True, told["demo"]),
        ("stream", scene.stream, raw.endswith(b"data: [DONE]\n\n")),
    ]
    failures = [f"{what}: wanted {w}, got {g}" for what, w, g in expected if w != g]
    if (status == http.client.OK) != (scene.zone is not None):
        failures.append(f"status {status}")
    if scene.zone != "frontier" and stage.served("frontier") != seen:
        failures.append("the frontier engine saw it")
    return failures


def _settled_record(stage: Stage, key: str, record: str) -> dict[str, Any] | None:
    """Return what the gateway says about the request, once it is settled."""
    end = time.monotonic() + TIMEOUT_S
    while record and time.monotonic() < end:
        path = f"/v1/records/{record}"
        status, _, raw = fetch(stage.gateway, "GET", path, authorization=f"Bearer {key}")
        told: dict[str, Any] = msgspec.json.decode(raw)
        if status == http.client.OK and told["outcome"] is not None:
            return told
        time.sleep(POLL_S)
    return None


def _show(status: int, record: str, told: dict[str, Any]) -> None:
    why = ", ".join(f"{s['source']} says {s['label']}" for s in told["signals"])
    outcome = told["outcome"]
    served = outcome["served_by"] or f"nobody ({outcome['error']}, status {status})"
    print(f"   label     {told['label']}  ({why})")
    print(f"   boundary  {', '.join(told['decision']['boundary'])}")
    print(f"   answered  {served}")
    print(f"   record    {record}")
