"""The table of what passes, what is translated and what is lost, made by preparing every call."""

from collections.abc import Iterator
from typing import NamedTuple

from msgspec.structs import replace

from gateway.backends import BACKENDS
from gateway.dialects import DIALECTS
from gateway.domain.caller import Caller
from gateway.domain.errors import GatewayError
from gateway.domain.fleet import Offering
from gateway.domain.request import Claims, Envelope, Operation
from gateway.domain.route import Candidate
from gateway.flow.prepare import Border, Prepared, Wish, prepare
from gateway.flow.ruling import asked
from gateway.surfaces.surface import SURFACES
from tests.compatibility.features import FEATURES, LEAST, Feature
from tests.compatibility.older_features import OLDER, OLDER_LEAST
from tests.doubles.fleets import an_offering

ADDED = "_injected"
ABILITIES = frozenset({"tools", "images", "documents", "thinking", "audio", "video"})
SETTINGS = {
    "project": "p",
    "location": "europe-west4",
    "region": "eu-central-1",
    "base_path": "/v1",
}


class Engine(NamedTuple):
    """A column: a kind of backend with one of its models."""

    title: str
    kind: str
    model: str
    outside: bool = True


ENGINES = (
    Engine("vLLM", "vllm", "Qwen/Qwen3-Coder-30B", outside=False),
    Engine("Ollama", "ollama", "qwen3:14b", outside=False),
    Engine("OpenAI", "openai", "gpt-6.1-sol"),
    Engine("Anthropic", "anthropic", "claude-opus-5-5"),
    Engine("Bedrock, Claude", "bedrock", "eu.anthropic.claude-opus-5-5"),
    Engine("Bedrock, others", "bedrock", "qwen.qwen3-coder-next"),
    Engine("Vertex, Claude", "vertex", "claude-opus-5-5"),
    Engine("Vertex, others", "vertex", "qwen/qwen3-coder-480b-a35b-instruct-maas"),
    Engine("Vertex, Mistral", "vertex", "codestral-2"),
    Engine("Vertex, Gemini", "vertex", "gemini-3-pro"),
)
# The other hosts of OpenAI's dialects, each under its kind: a host that is added has its column by
# being added. On the page those that fare alike share one.
HOSTS = tuple(
    Engine(kind, kind, "some-model")
    for kind in sorted(BACKENDS.keys() - {"scripted"} - {engine.kind for engine in ENGINES})
)


class Cell(NamedTuple):
    """What becomes of one feature: the body that goes, how, and what is lost."""

    verbatim: bool
    losses: tuple[str, ...]
    sent: bytes
    refused: str = ""

    @property
    def lost(self) -> tuple[str, ...]:
        """What does not arrive: every loss but those that name what was added."""
        return tuple(name for name in self.losses if not name.endswith(ADDED))

    def __str__(self) -> str:
        if self.refused:
            return "refused"
        how = "passes" if self.verbatim else "translated"
        return f"{how}; lost: {', '.join(self.lost)}" if self.lost else how


class Column(NamedTuple):
    """The engines that share a column of the page, and what stands in it from top to bottom."""

    titles: tuple[str, ...]
    cells: tuple[str, ...]


def spoken() -> tuple[str, ...]:
    """Return the dialects of all surfaces that ask for replies, in the order of the table."""
    names = dict.fromkeys(surface.dialect for surface in SURFACES.values())
    return tuple(name for name in names if DIALECTS[name].operation is Operation.GENERATE)


def listed() -> dict[str, dict[str, Feature]]:
    """Return the features of all dialects in the table, replies first."""
    return {name: FEATURES[name] for name in spoken()} | OLDER


def cell(dialect_name: str, feature: Feature, engine: Engine) -> Cell:
    """Return what becomes of a feature on its way from a client to an engine."""
    dialect = DIALECTS[dialect_name]
    body = {**(LEAST | OLDER_LEAST)[dialect_name], **feature.change}
    envelope = Envelope(
        id="0",
        received_us=0,
        caller=Caller("k", "s", "t"),
        surface="s",
        dialect=dialect_name,
        claims=Claims(),
        body=body,
        body_bytes=1,
        asked="" if "model" in body else "code",
    )
    backend = BACKENDS[engine.kind].at(SETTINGS)
    try:
        ask = asked(envelope, dialect)
        border = Border(outside=engine.outside)
        made = prepare(envelope, Wish(dialect, ask), Candidate(_offering(engine)), backend, border)
    except GatewayError as error:
        return Cell(verbatim=False, losses=(), sent=b"", refused=error.what)
    return _cell(dialect.family == made.target.family, made)


def _cell(verbatim: bool, made: Prepared) -> Cell:
    return Cell(verbatim, made.losses, made.call.body)


def _offering(engine: Engine) -> Offering:
    zone = "frontier" if engine.outside else "on_prem"
    offering = an_offering("m", engine.kind, zone, wire_model=engine.model)
    fim = "native" if engine.kind == "openai" else "qwen"
    return replace(offering, capabilities=ABILITIES, fim=fim)


def rows() -> Iterator[tuple[str, str, Feature, Engine]]:
    """Yield every cell's place: dialect, name of the feature, the feature, the engine."""
    for dialect, features in listed().items():
        for name, feature in features.items():
            for engine in (*ENGINES, *HOSTS):
                yield dialect, name, feature, engine


def columns(dialect: str, engines: tuple[Engine, ...], *, merged: bool) -> list[Column]:
    """Return a column for each engine; those whose cells are all the same are one if `merged`."""
    shown: dict[tuple[str, ...], tuple[str, ...]] = {}
    for engine in engines:
        cells = tuple(str(cell(dialect, feature, engine)) for feature in listed()[dialect].values())
        key = cells if merged else (engine.title, *cells)
        shown[key] = (*shown.get(key, ()), engine.title)
    skipped = 0 if merged else 1
    return [Column(titles, key[skipped:]) for key, titles in shown.items()]


def page() -> str:
    """Return the page for `docs/`."""
    lines = [HEAD]
    for dialect in listed():
        paths = sorted(path for path, one in SURFACES.items() if one.dialect == dialect)
        lines += [f"## {dialect}", "", "Asked at " + ", ".join(f"`{path}`" for path in paths), ""]
        lines += [*_lined(dialect, columns(dialect, ENGINES, merged=False)), ""]
        lines += [*_lined(dialect, columns(dialect, HOSTS, merged=True)), ""]
    return "\n".join(lines)


def _lined(dialect: str, shown: list[Column]) -> list[str]:
    titles = " | ".join(", ".join(one.titles) for one in shown)
    lines = [f"| feature | {titles} |", "|---|" + "---|" * len(shown)]
    for at, name in enumerate(listed()[dialect]):
        lines.append(f"| {name} | {' | '.join(one.cells[at] for one in shown)} |")
    return lines


HEAD = """<!-- made by `make generate`; change the code instead -->
# Compatibility

What becomes of each thing that a client may say, by the engine that answers. Every cell is made by
preparing a real call, and a test finds every planted word again in what is sent, or its loss.

- *passes*: client and engine speak the same dialect; the parsed body goes as it came.
- *translated*: the engine speaks another dialect; everything arrives.
- *lost*: what the engine cannot be told, by the name that stands in the record and in
  `x-perimeter-lost`. A policy with `on_loss: refuse` refuses instead.
- What an engine demands and the client did not say is added, and named in the same places: names
  that end in `_injected`.
- *refused*: the request ends with a 400 that says why.

vLLM and Ollama stand on the premises here, all others outside: what identifies whoever asks stays
behind there unless the policy lets it pass. The second table of a surface is of the other hosts
that speak OpenAI's dialects, by their kind; those that fare alike in every row share a column. A
suffix is refused where the catalogue does not say `fim: native` of a model whose host might drop
it; here it is said of OpenAI alone.
"""
