"""A running gateway with its scripted engines, and requests in both of its forms."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import msgspec
from msgspec import Struct

from gateway.cli.mock_backend.server import DIALECTS
from gateway.surfaces.surface import SURFACES
from tests.doubles.ledger_sight import Sight
from tests.doubles.raw_http import Field, Heard, Line, ask, request
from tests.doubles.running_gateway import RunningGateway
from tests.doubles.scripted_engine import RunningEngine
from tests.doubles.sdk_errors import anthropic_error, openai_error

WAIT_S = 20.0
PROMPTED = tuple(f"POST {path}" for path in DIALECTS)
JSON: Field = ("content-type", "application/json")


class Form(Struct, frozen=True):
    """A surface as its clients use it: the path, and what their client makes of an error."""

    name: str
    path: str
    header: str
    error: Callable[[Heard], Any]

    def __str__(self) -> str:
        return self.name

    @property
    def surface(self) -> str:
        return SURFACES[self.path].name

    def body(self, text: str = "hello", model: str = "code", **more: Any) -> dict[str, Any]:
        body = {"model": model, "messages": [{"role": "user", "content": text}], **more}
        return body if self.name == "openai" else {"max_tokens": 64, **body}

    def key(self, key: str) -> Field:
        return (self.header, f"Bearer {key}" if self.header == "authorization" else key)


OPENAI = Form("openai", "/v1/chat/completions", "authorization", openai_error)
ANTHROPIC = Form("anthropic", "/v1/messages", "x-api-key", anthropic_error)
FORMS = [OPENAI, ANTHROPIC]


class House:
    """A gateway between engines."""

    def __init__(self, gateway: RunningGateway, engines: dict[str, RunningEngine]) -> None:
        self.gateway = gateway
        self.engines = engines
        self.sight = Sight(gateway)

    @property
    def url(self) -> str:
        return self.gateway.url

    def request(
        self,
        form: Form,
        body: dict[str, Any] | bytes,
        repo: str = "website",
        fields: tuple[Field, ...] = (),
    ) -> bytes:
        """Return the bytes of a request of a known caller."""
        raw = body if isinstance(body, bytes) else msgspec.json.encode(body)
        return request("POST", form.path, raw, (JSON, form.key(self.gateway.keys[repo]), *fields))

    def ask(
        self,
        form: Form,
        body: dict[str, Any] | bytes,
        repo: str = "website",
        fields: tuple[Field, ...] = (),
    ) -> Heard:
        return ask(self.url, self.request(form, body, repo, fields))

    def get(self, path: str, repo: str = "website", form: Form = OPENAI) -> Heard:
        fields = (form.key(self.gateway.keys[repo]),)
        return ask(self.url, request("GET", path, fields=fields), "GET")

    def record(self, record_id: str, repo: str = "website") -> dict[str, Any]:
        """Return the record once it is settled."""
        assert record_id, "no record id was told"
        end = time.monotonic() + WAIT_S
        while time.monotonic() < end:
            heard = self.get(f"/v1/records/{record_id}", repo)
            if heard.status == 200 and heard.json["outcome"] is not None:
                return heard.json
            time.sleep(0.01)
        raise AssertionError("the record was never settled")

    def prompts(self) -> dict[str, int]:
        """Return how many prompts each engine has seen."""
        return {
            name: sum(running.engine.served[path] for path in PROMPTED)
            for name, running in self.engines.items()
        }

    @contextmanager
    def nothing_sent(self) -> Iterator[None]:
        """Nothing that happens inside reaches any engine."""
        before = self.prompts()
        yield
        assert self.prompts() == before

    def metric(self, name: str) -> float:
        """Return the sum of a metric over its labels."""
        page = ask(self.gateway.admin, request("GET", "/metrics"), "GET").body.decode()
        lines = [line for line in page.splitlines() if line.startswith(f"perimeter_{name}")]
        return sum(float(line.rpartition(" ")[2]) for line in lines)

    def line(self, source: str = "") -> Line:
        return Line(self.url, source)


def until(condition: Callable[[], bool], what: str) -> None:
    """Wait until the condition holds."""
    end = time.monotonic() + WAIT_S
    while time.monotonic() < end:
        if condition():
            return
        time.sleep(0.005)
    raise AssertionError(f"never: {what}")
