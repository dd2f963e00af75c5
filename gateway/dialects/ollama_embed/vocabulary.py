"""The fields that the vendor documents, by what they are for."""

from gateway.domain.field_kind import fields

FIELDS = fields(
    content=("input",),
    setting=("dimensions", "model", "options", "truncate"),
    egress=("keep_alive",),
)
