"""OpenRouter, which passes prompts on to other operators (openrouter.ai/docs, provider routing).

Who they are is its own choice unless the settings say so, so its zone is the world. By itself it
falls back to the next provider, and allows those that keep prompts: here it does neither.
"""

from gateway.dialects.openai_chat import OPENAI_CHAT
from gateway.dialects.openai_completions import OPENAI_COMPLETIONS
from gateway.domain.fleet import Offering
from gateway.domain.request import Body
from gateway.translation.fim import only_native
from gateway.transport.backend import ABROAD, Backend, Quirk, Way
from gateway.transport.credentials import Settings, bearer
from gateway.transport.guard import Place

FORMS: dict[str, tuple[object, ...]] = {
    "allow_fallbacks": (True, False),
    "data_collection": ("allow", "deny"),
    "zdr": (True, False),
}
DEFAULTS: Settings = {"allow_fallbacks": False, "data_collection": "deny"}
ONLY = "only"
CHOOSES = frozenset({"openrouter/auto"})


def routed(settings: Settings) -> tuple[Quirk, ...]:
    """Return the quirk that says which providers may see the prompt, whatever the client says."""
    forced = {name: settings[name] for name in FORMS if name in settings}
    only = _slugs(str(settings.get(ONLY, "")))

    def route(body: Body, _offering: Offering) -> Body:
        return {**body, "provider": {**forced, **({ONLY: only} if only else {})}}

    return (route,)


def faults(_place: Place, settings: Settings) -> tuple[tuple[str, str], ...]:
    """Return what is wrong with the settings."""
    unknown = [name for name in settings if name not in (*FORMS, ONLY)]
    wrong = [name for name in settings if name in FORMS and not _fits(name, settings[name])]
    only = settings.get(ONLY, "x")
    named = isinstance(only, str) and bool(_slugs(only))
    return (
        *(() if named else ((f"settings/{ONLY}", "must be names of providers, with commas"),)),
        *((f"settings/{name}", "OpenRouter has no such setting here") for name in unknown),
        *((f"settings/{name}", f"must be one of {FORMS[name]}") for name in wrong),
    )


def _fits(name: str, value: object) -> bool:
    return any(type(value) is type(one) and value == one for one in FORMS[name])


def _slugs(text: str) -> list[str]:
    return [slug.strip() for slug in text.split(",") if slug.strip()]


def refuses(name: str) -> str | None:
    """Return why a name is never asked for: it leaves to OpenRouter which model answers."""
    return "OpenRouter itself would choose the model" if name in CHOOSES else None


OPENROUTER = Backend(
    name="openrouter",
    ways=(
        Way(dialect=OPENAI_CHAT, path="/api/v1/chat/completions"),
        Way(dialect=OPENAI_COMPLETIONS, path="/api/v1/completions", quirks=(only_native,)),
    ),
    credential=bearer.required,
    settled=routed,
    defaults=DEFAULTS,
    faults=faults,
    refuses=refuses,
    anywhere=lambda _offering, _settings: True,
    probe_path="",
    residency=ABROAD,
    is_cloud=True,
)
