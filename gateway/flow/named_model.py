"""What an engine calls itself: in clear where that is a name of ours, else under seal."""

from gateway.domain.fleet import Offering

OTHER = "other"
# What a name may end with: nothing, or what we and Ollama add to it (`transport.ollama_check`).
ENDINGS = ("", ":latest", ":local", ":latest:local")
MODEL_CHARS_MAX = 128
UNPRINTABLE = "?"


def named_model(told: str, offering: Offering | None) -> str:
    """Return the name that may stand in clear; `other` for one that our catalogue does not know.

    INVARIANT: an engine may say anything there, words of the prompt too: what is returned is a
    name of the offering that was asked, or a word of ours.
    """
    if not told or offering is None:
        return ""
    known = {offering.model, *(f"{offering.wire_model}{end}" for end in ENDINGS)}
    return told if told in known else OTHER


def sealed_model(told: str, offering: Offering | None) -> str:
    """Return the engine's own words, bounded and in one line, where they stand nowhere in clear."""
    if named_model(told, offering) != OTHER or offering is None:
        return ""
    short = told[:MODEL_CHARS_MAX]
    return "".join(one if one.isprintable() else UNPRINTABLE for one in short)
