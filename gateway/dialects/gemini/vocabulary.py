"""The fields that the vendor documents, by what they are for, in both of its spellings."""

from collections.abc import Iterable

from gateway.dialects.gemini.spelling import snake
from gateway.domain.field_kind import fields


def _both(*names: str) -> Iterable[str]:
    return dict.fromkeys(spelled for name in names for spelled in (name, snake(name)))


# WHY: egress is also what names something that the provider keeps, chooses by whom the work is
# done, or has it kept: such a field is for the operator to set.
FIELDS = fields(
    content=_both("contents", "systemInstruction", "tools"),
    setting=_both("generationConfig", "model", "safetySettings", "toolConfig"),
    identifying=_both("labels"),
    egress=_both("cachedContent", "modelArmorConfig", "serviceTier", "store"),
)
COUNT_FIELDS = fields(
    content=_both("contents", "generateContentRequest", "systemInstruction", "tools"),
    setting=_both("generationConfig", "model", "toolConfig"),
    egress=_both("instances"),
)
# Fields below the top that translation cannot carry, as losses name them.
NESTED = frozenset(
    {
        "allowed_function_names",
        "audio_timestamp",
        "behavior",
        "candidate_count",
        "display_name",
        "enable_affective_dialog",
        "enable_enhanced_civic_answers",
        "image_config",
        "include_server_side_tool_invocations",
        "include_thoughts",
        "logprobs",
        "media_resolution",
        "model_selection_config",
        "part_metadata",
        "partial_args",
        "response_format",
        "response_json_schema",
        "response_logprobs",
        "response_mime_type",
        "response_modalities",
        "retrieval_config",
        "routing_config",
        "scheduling",
        "speech_config",
        "stream_function_call_arguments",
        "thought_signature",
        "translation_config",
        "video_metadata",
        "will_continue",
    }
)
