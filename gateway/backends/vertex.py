"""Google Vertex: one project at one location, each publisher's models in its own dialect."""

from gateway.dialects.anthropic_messages import ANTHROPIC_COUNT, ANTHROPIC_MESSAGES
from gateway.dialects.gemini import GEMINI, GEMINI_COUNT
from gateway.dialects.openai_chat import OPENAI_HOSTED
from gateway.domain.request import Body
from gateway.translation.own_thinking import signed_alone
from gateway.transport import anthropic_terms as terms
from gateway.transport import vertex_place
from gateway.transport.backend import Backend, Residency, Telling, Way
from gateway.transport.credentials import Fields, bearer, google

AT = "/v1/projects/{project}/locations/{location}"
CLAUDE = f"{AT}/publishers/anthropic/models"
GOOGLE = f"{AT}/publishers/google/models"
MISTRAL = f"{AT}/publishers/mistralai/models"
# What Mistral takes under another name, and what it does not take at all.
RENAMED = {"max_completion_tokens": "max_tokens", "seed": "random_seed"}
UNTAKEN = frozenset({"logit_bias", "logprobs", "top_logprobs", "reasoning_effort", "verbosity"})


def claude(body: Body, telling: Telling) -> tuple[Body, tuple[str, ...]]:
    """Return the body as `rawPredict` wants it: the version in it, the model in the path alone."""
    version = terms.version_of(telling.offering, terms.VERTEX)
    body, unsigned = signed_alone(body)
    body, lost = terms.unsampled(body, version)
    kept = {name: value for name, value in body.items() if name != "model"}
    return {terms.VERSION: version, **kept}, (*unsigned, *lost)


def counted(body: Body, telling: Telling) -> tuple[Body, tuple[str, ...]]:
    """Return the body for a count, which names the model in it."""
    body, unsigned = signed_alone(body)
    return {terms.VERSION: terms.version_of(telling.offering, terms.VERTEX), **body}, unsigned


def mistral(body: Body, _telling: Telling) -> tuple[Body, tuple[str, ...]]:
    """Return the body as Mistral takes it; usage stands in its last chunk without being asked."""
    lost = tuple(sorted(name for name in UNTAKEN if body.get(name) is not None))
    kept = {name: value for name, value in body.items() if name not in UNTAKEN | {"stream_options"}}
    return {RENAMED.get(name, name): value for name, value in kept.items()}, lost


def told(telling: Telling) -> tuple[Fields, tuple[str, ...]]:
    """Return the header fields for Claude: the betas that Vertex takes, and whose quota is used."""
    fields, lost = terms.betas(terms.AT_VERTEX)(telling)
    quota, _ = vertex_place.quota(telling)
    return (*fields, *quota), lost


VERTEX = Backend(
    name="vertex",
    # By `google/<name>` a Gemini is reached where chat is spoken, too.
    ways=(
        Way(
            dialect=ANTHROPIC_MESSAGES,
            path=CLAUDE + "/{model}:rawPredict",
            streamed=CLAUDE + "/{model}:streamRawPredict",
            serves=vertex_place.is_claude,
            fitted=claude,
            fields=told,
        ),
        Way(
            dialect=ANTHROPIC_COUNT,
            path=CLAUDE + "/count-tokens:rawPredict",
            serves=vertex_place.is_claude,
            fitted=counted,
            fields=told,
        ),
        Way(
            dialect=OPENAI_HOSTED,
            path=AT + "/endpoints/openapi/chat/completions",
            serves=vertex_place.is_published,
            fields=vertex_place.quota,
        ),
        Way(
            dialect=OPENAI_HOSTED,
            path=MISTRAL + "/{model}:rawPredict",
            streamed=MISTRAL + "/{model}:streamRawPredict",
            serves=vertex_place.is_mistral,
            fitted=mistral,
            fields=vertex_place.quota,
        ),
        Way(
            dialect=GEMINI,
            path=GOOGLE + "/{model}:generateContent",
            streamed=GOOGLE + "/{model}:streamGenerateContent?alt=sse",
            serves=vertex_place.is_gemini,
            fields=vertex_place.quota,
        ),
        Way(
            dialect=GEMINI_COUNT,
            path=GOOGLE + "/{model}:countTokens",
            serves=vertex_place.is_gemini,
            fields=vertex_place.quota,
        ),
    ),
    credential=bearer.required,
    source=google.source,
    faults=vertex_place.faults,
    refuses=vertex_place.refuses,
    anywhere=vertex_place.anywhere,
    stands=vertex_place.stands,
    misfits=terms.misfits((terms.VERTEX, terms.NEW), frozenset({terms.VERSION})),
    probe_path="",
    residency=Residency(unlisted=vertex_place.unlisted),
    is_cloud=True,
)
