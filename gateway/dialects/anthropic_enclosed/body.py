"""What stands in such a body beside the messages of its kin."""

import re
from typing import Any

from gateway.domain.errors import Malformed
from gateway.domain.field_kind import FieldKind
from gateway.domain.request import Body

VERSION = "anthropic_version"
BETA = "anthropic_beta"
BETAS_MAX = 64
# Of the fields of the kin, these are said in the body here, and are for the target to allow.
FIELDS = {VERSION: FieldKind.SETTING, BETA: FieldKind.SETTING}
_OUTSIDE = frozenset({VERSION, BETA})
_WORD = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")
# The model is in the path; the kin wants a name where it reads its own bodies.
_UNNAMED = "model"


def outer(body: Body) -> Body:
    """Return the body without what its kin says elsewhere."""
    return {name: value for name, value in body.items() if name not in _OUTSIDE}


def whole(body: Body) -> Body:
    """Return the body as its kin reads it; Malformed where it is none of Anthropic's."""
    if not isinstance(body.get(VERSION), str) or "messages" not in body:
        raise Malformed(
            "Only bodies of Anthropic's Messages, with `anthropic_version` and `messages`, are "
            "read here; other models are asked in a dialect of theirs."
        )
    told(body)
    return {**outer(body), "model": _UNNAMED, "stream": False}


def told(body: Body) -> dict[str, str]:
    """Return version and betas as the header fields of the kin; Malformed for other words."""
    fields: dict[str, str] = {}
    version = body.get(VERSION)
    if version is not None:
        fields["anthropic-version"] = _word(version)
    betas = _betas(body)
    if betas:
        fields["anthropic-beta"] = ",".join(betas)
    return fields


def shed(body: Body) -> tuple[str, ...]:
    """Return a loss for the betas: in another dialect they mean nothing."""
    return (BETA,) if _betas(body) else ()


def _betas(body: Body) -> list[str]:
    said = body.get(BETA)
    listed = said if isinstance(said, list) else [said]
    if len(listed) > BETAS_MAX:
        raise Malformed(f"more than {BETAS_MAX} betas")
    return [_word(one) for one in listed if one is not None]


def _word(said: Any) -> str:  # noqa: ANN401
    if not isinstance(said, str) or not _WORD.fullmatch(said):
        raise Malformed(f"{VERSION} is a plain word, and {BETA} a list of such words")
    return said
