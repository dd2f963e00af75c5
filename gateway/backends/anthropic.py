"""Anthropic's API."""

from gateway.dialects.anthropic_messages import ANTHROPIC_COUNT, ANTHROPIC_MESSAGES
from gateway.transport import anthropic_terms as terms
from gateway.transport.backend import Backend, Residency, Way
from gateway.transport.credentials import api_key

ANTHROPIC = Backend(
    name="anthropic",
    ways=(
        Way(
            dialect=ANTHROPIC_MESSAGES,
            path="/v1/messages",
            fitted=terms.placed,
            fields=terms.told,
        ),
        Way(
            dialect=ANTHROPIC_COUNT,
            path="/v1/messages/count_tokens",
            fitted=terms.counted,
            fields=terms.told,
        ),
    ),
    credential=api_key.x_api_key,
    faults=terms.faults,
    anywhere=terms.anywhere,
    stands=terms.stands,
    misfits=terms.misfits((terms.OLD, terms.NEW), frozenset({terms.VERSION, terms.GEO})),
    breach=terms.strayed,
    residency=Residency(observe=terms.observed, geo=terms.geo_of),
    probe_path="",
    is_cloud=True,
)
