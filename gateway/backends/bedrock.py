"""Amazon Bedrock, in one region of one account: its native interfaces, and those like others'."""

from gateway.dialects import BEDROCK_COUNT, BEDROCK_INVOKE
from gateway.dialects.anthropic_messages import ANTHROPIC_MESSAGES
from gateway.dialects.bedrock_converse import BEDROCK_CONVERSE
from gateway.dialects.openai_chat import OPENAI_CHAT
from gateway.dialects.openai_responses import OPENAI_RESPONSES
from gateway.transport import bedrock_place, bedrock_profile
from gateway.transport import bedrock_terms as terms
from gateway.transport.backend import Backend, Residency, Way
from gateway.transport.credentials import aws, sigv4
from gateway.transport.residency import bedrock_retention

# Once a day, with a probe every five seconds.
DAILY = 17_280

BEDROCK = Backend(
    name="bedrock",
    ways=(
        Way(
            dialect=BEDROCK_CONVERSE,
            path="/model/{model}/converse",
            streamed="/model/{model}/converse-stream",
            fitted=terms.conversed,
            marked=terms.marked,
        ),
        # WHY: before the invocation, which is of the same family and would always be found first.
        Way(
            dialect=ANTHROPIC_MESSAGES,
            path="/anthropic/v1/messages",
            serves=terms.is_claude,
            fitted=terms.sent,
            fields=terms.told,
            opened_by=bedrock_place.COMPATIBLE,
        ),
        Way(
            dialect=BEDROCK_INVOKE,
            path="/model/{model}/invoke",
            streamed="/model/{model}/invoke-with-response-stream",
            serves=terms.is_claude,
            fitted=terms.invoked,
            fields=terms.fields,
        ),
        Way(
            dialect=OPENAI_CHAT,
            path="/openai/v1/chat/completions",
            serves=terms.is_openai,
            opened_by=bedrock_place.COMPATIBLE,
        ),
        Way(
            dialect=OPENAI_RESPONSES,
            path="/openai/v1/responses",
            serves=terms.is_openai,
            opened_by=bedrock_place.COMPATIBLE,
        ),
        Way(dialect=BEDROCK_COUNT, path="/model/{model}/count-tokens", serves=terms.is_claude),
    ),
    credential=sigv4.api_key,
    signer=sigv4.signer,
    source=aws.source,
    faults=bedrock_place.faults,
    refuses=bedrock_place.refuses,
    anywhere=lambda offering, _settings: bedrock_place.anywhere(offering.wire_model),
    misfits=terms.misfits,
    stands=lambda _offering, settings: bedrock_place.stands(settings),
    probe_path="",
    inspect=bedrock_profile.inspect,
    inspect_every=DAILY,
    control=bedrock_place.control,
    residency=Residency(retention=bedrock_retention.read, kept=bedrock_retention.declared),
    # WHY: our own client sends the path as it was signed; the cloud client would write `%3A` as a
    # colon, and the signature would be over another path.
    is_cloud=False,
)
