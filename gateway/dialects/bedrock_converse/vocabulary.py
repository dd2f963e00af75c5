"""The fields that Bedrock documents, by what they are for."""

from gateway.domain.field_kind import fields

# WHY: egress is also what chooses by whom the work is done, runs another service over the prompt or
# names what lies at the provider: such a field is for the operator to set.
FIELDS = fields(
    content=(
        "messages",
        "system",
        "toolConfig",
    ),
    setting=(
        "additionalModelRequestFields",
        "additionalModelResponseFieldPaths",
        "inferenceConfig",
        "outputConfig",
    ),
    identifying=("requestMetadata",),
    egress=(
        "guardrailConfig",
        "performanceConfig",
        "projectIdentifier",
        "promptVariables",
        "serviceTier",
    ),
)
EXTRAS_FIELD = "additionalModelRequestFields"
# What may be said to a model beside Converse's own fields; the rest of what models take there makes
# a provider fetch, run or keep something, or is not known.
EXTRAS = frozenset(
    {
        "anthropic_beta",
        "inferenceConfig",
        "output_config",
        "reasoningConfig",
        "reasoning_config",
        "reasoning_effort",
        "thinking",
        "tool_choice",
        "topK",
        "top_k",
    }
)
# Fields below the top.
NESTED = frozenset(
    {
        "cachePoint",
        "citations",
        "context",
        "description",
        "error",
        "format",
        "qualifiers",
        "signature",
        "strict",
        "type",
    }
)
