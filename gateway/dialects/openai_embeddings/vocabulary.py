"""The fields that the vendors of this dialect document, by what they are for."""

from gateway.domain.field_kind import fields

FIELDS = fields(
    content=("input",),
    setting=(
        "add_special_tokens",
        "dimensions",
        "encoding_format",
        "input_type",
        "model",
        "output_dimension",
        "output_dtype",
        "truncate_prompt_tokens",
    ),
    identifying=("metadata", "user"),
    egress=(
        "additional_data",
        "cache_salt",
        "chat_template",
        "chat_template_kwargs",
        "embed_dtype",
        "endianness",
        "mm_processor_kwargs",
        "normalize",
        "priority",
        "provider",
        "request_id",
    ),
)
