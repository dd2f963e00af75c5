"""Amazon Bedrock: every family of models through Converse, in one region of one account."""

from gateway.dialects.bedrock_converse import BEDROCK_CONVERSE
from gateway.domain.request import Body
from gateway.transport import bedrock_place, bedrock_profile
from gateway.transport.backend import Backend, Way
from gateway.transport.credentials import aws, sigv4


def marked(body: Body, record_id: str) -> Body:
    """Return the body with our record id, which then stands in the account's own log."""
    return {**body, "requestMetadata": {"perimeter-record": record_id}}


# Once a day, with a probe every five seconds.
DAILY = 17_280

BEDROCK = Backend(
    name="bedrock",
    ways=(
        Way(
            dialect=BEDROCK_CONVERSE,
            path="/model/{model}/converse",
            streamed="/model/{model}/converse-stream",
            marked=marked,
        ),
    ),
    credential=sigv4.api_key,
    signer=sigv4.signer,
    source=aws.source,
    faults=bedrock_place.faults,
    refuses=bedrock_place.refuses,
    anywhere=lambda offering, _settings: bedrock_place.anywhere(offering.wire_model),
    stands=lambda _offering, settings: bedrock_place.stands(settings),
    probe_path="",
    inspect=bedrock_profile.inspect,
    inspect_every=DAILY,
    control=bedrock_place.control,
    # WHY: our own client sends the path as it was signed; the cloud client would write `%3A` as a
    # colon, and the signature would be over another path.
    is_cloud=False,
)
