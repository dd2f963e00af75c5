"""Sampling, thinking and the form of the answer, as `generationConfig`."""

from typing import Any

from gateway.dialects.gemini.family import Family
from gateway.dialects.gemini.losses import Losses
from gateway.dialects.gemini.schema import Subset
from gateway.domain.conversation import EFFORTS, Conversation, Sampling
from gateway.domain.request import Body

STOPS_MAX = 5
TEMPERATURE_MAX = 2.0
SEED_MIN, SEED_MAX = -(2**31), 2**31 - 1
BUDGETS = {
    "minimal": 512,
    "low": 1_024,
    "medium": 8_192,
    "high": 24_576,
    "xhigh": 32_768,
    "max": 32_768,
}

_PENALTIES = {"frequency_penalty": "frequencyPenalty", "presence_penalty": "presencePenalty"}


def write_config(conversation: Conversation, family: Family, losses: Losses) -> Body:
    """Return `generationConfig`, or nothing."""
    said = _sampling(conversation.sampling, family, losses)
    said |= _answer(conversation, family, losses)
    said |= _thinking(conversation, family, losses)
    return {"generationConfig": said} if said else {}


def _sampling(sampling: Sampling, family: Family, losses: Losses) -> dict[str, Any]:
    said = {
        "maxOutputTokens": sampling.output_tokens_max,
        "temperature": _temperature(sampling.temperature, losses),
        "topP": sampling.top_p,
        "topK": sampling.top_k,
        "seed": sampling.seed,
        "stopSequences": list(sampling.stop[:STOPS_MAX]) or None,
    }
    if len(sampling.stop) > STOPS_MAX:
        losses.note("stop")
    if sampling.seed is not None and not SEED_MIN <= sampling.seed <= SEED_MAX:
        losses.note("seed")
        said["seed"] = None
    for name, field in _PENALTIES.items():
        value = getattr(sampling, name)
        if value is not None and family.takes_penalties:
            said[field] = value
        elif value is not None:
            losses.note(name)
    return {name: value for name, value in said.items() if value is not None}


def _temperature(wanted: float | None, losses: Losses) -> float | None:
    if wanted is None or wanted <= TEMPERATURE_MAX:
        return wanted
    losses.note("temperature")
    return TEMPERATURE_MAX


def _answer(conversation: Conversation, family: Family, losses: Losses) -> dict[str, Any]:
    """Return the form of the answer; models before the third refuse one beside tools."""
    schema = conversation.answer_schema
    if schema is None:
        return {}
    if conversation.tools and not family.takes_form_with_tools:
        losses.note("answer_schema")
        return {}
    said: dict[str, Any] = {"responseMimeType": "application/json"}
    if not schema:
        return said
    if family.takes_json_schema:
        return {**said, "responseJsonSchema": schema}
    subset = Subset(schema)
    said["responseSchema"] = subset.write()
    if subset.lost:
        losses.note("answer_schema_simplified")
    return said


def _thinking(conversation: Conversation, family: Family, losses: Losses) -> dict[str, Any]:
    wanted = conversation.thinking
    if wanted is None:
        return {}
    if family.levels:
        said = _level(wanted, family, losses)
        if conversation.thinking_tokens_max is not None:
            losses.note("thinking_tokens_max")
    elif family.budget is not None:
        said = _budget(conversation, family, losses)
    else:
        if wanted != "off":
            losses.note("thinking")
        return {}
    shown = {"includeThoughts": True} if wanted != "off" else {}
    return {"thinkingConfig": {**shown, **said}}


def _level(wanted: str, family: Family, losses: Losses) -> dict[str, Any]:
    """Return the word for that effort, else for the next stronger one; none is no rest."""
    level = family.levels[0]
    if wanted == "off":
        losses.note("thinking_off")
    elif wanted.upper() in family.levels:
        level = wanted.upper()
    else:
        losses.note("effort")
        place = EFFORTS.index(wanted)
        stronger = (one for one in family.levels if EFFORTS.index(one.lower()) > place)
        level = next(stronger, family.levels[-1])
    return {"thinkingLevel": level}


def _budget(conversation: Conversation, family: Family, losses: Losses) -> dict[str, Any]:
    """Return a budget within what the model takes, and within half of the reply.

    WHY: reasoning counts as output here: all of a short reply would be spent on it.
    """
    least, most = family.budget or (0, 0)
    wanted, bound = conversation.thinking or "off", conversation.thinking_tokens_max
    if wanted == "off":
        if family.may_rest:
            return {"thinkingBudget": 0}
        losses.note("thinking_off")
        return {"thinkingBudget": least}
    limit = conversation.sampling.output_tokens_max
    asked = BUDGETS[wanted] if bound is None else bound
    given = max(min(asked, most, asked if limit is None else limit // 2), least)
    if given != asked:
        losses.note("effort" if bound is None else "thinking_tokens_max")
    return {"thinkingBudget": given}
