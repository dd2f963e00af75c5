"""Why a cell of the table of goldens is empty: what the dialect, or the form, cannot express."""

from gateway.dialects import DIALECTS
from gateway.domain.request import Operation

# By feature and form, what holds for every dialect.
_FORMS = {
    ("images", "whole"): "the neutral reply has no images: what a model draws is no text of ours",
    ("images", "stream"): "the neutral reply has no images: what a model draws is no text of ours",
    ("documents", "whole"): "no dialect of these has documents in a reply",
    ("documents", "stream"): "no dialect of these has documents in a reply",
    ("length", "asked"): "an end is of a reply; the bound on its length stands in every request",
    ("interleaved", "asked"): "calls stand in an order in a request",
    ("unended", "asked"): "an end is of a reply",
    ("refusal", "asked"): "an end is of a reply",
    (
        "errors",
        "asked",
    ): "a request says no errors; test_bad_input holds how wrong ones are refused",
}
# By operation, for dialects in which nobody converses: where their goldens are instead.
_OPERATIONS = {
    Operation.COUNT: "counts what its own family reads: cells of that family, goldens/input_tokens",
    Operation.EMBED: "an embedding has texts and vectors alone: goldens/embeddings",
    Operation.COMPLETE: "a completion has a text before and after alone: goldens/completions",
}
# By dialect, feature, form and side ("" is all), what the vendor has no word for.
_VENDORS = {
    ("ollama_chat", "documents", "asked", "reader"): "its messages hold images, and no documents",
    ("ollama_chat", "refusal", "whole", "reader"): "its engines end with stop, length or load",
    ("ollama_chat", "refusal", "stream", "reader"): "its engines end with stop, length or load",
    ("ollama_chat", "cache_marks", "asked", "reader"): "it keeps prefixes without being asked",
    ("openai_responses", "cache_marks", "asked", "reader"): "it keeps prefixes without being asked",
    ("gemini", "cache_marks", "asked", "reader"): "it keeps prefixes as resources with ids",
}


def reason(name: str, feature: str, form: str, side: str) -> str:
    """Return why there is no golden; empty where there must be one."""
    if feature == "by_hand" and side == "writer":
        return "what is written by hand is only read"
    if feature == "errors" and form != "asked":
        return _of_errors(name, form, side)
    if feature == "unended" and side == "reader" and form != "asked":
        return "an engine that never ends is broken off: test_bad_streams, test_bad_input"
    dialect = DIALECTS[name]
    if dialect.kin:
        return f"its messages are those of {dialect.kin}: only paths, framing and errors differ"
    if dialect.operation in _OPERATIONS:
        return _OPERATIONS[dialect.operation]
    return _FORMS.get((feature, form), "") or _VENDORS.get((name, feature, form, side), "")


def _of_errors(name: str, form: str, side: str) -> str:
    dialect = DIALECTS[name]
    if name == "gemini_array" and form == "stream":
        return "an array is framed from the stream of gemini: test_gemini_answer holds its end"
    if dialect.operation in (Operation.COUNT, Operation.EMBED) and form == "stream":
        return "its replies are always whole"
    if side == "reader" and form == "stream" and dialect.kin:
        return f"its stream is unframed into that of {dialect.kin}, and read there"
    return ""
