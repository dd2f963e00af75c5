"""Where may a profile of Bedrock be answered? Its control plane says, before first use and daily.

A profile's name says from where it is called, never where a prompt runs: an `eu.` profile may run
in London or Zurich.
"""

import re
from urllib.parse import quote

import msgspec
from msgspec import Struct, field

from gateway.transport.backend import Inspection, Question
from gateway.transport.bedrock_place import is_profile

OK = 200
NO_PROFILE = frozenset({400, 404})
PROFILES = "/inference-profiles/"
ACTIVE = "ACTIVE"
DESTINATIONS_MAX = 256
_MODEL = re.compile(r"arn:aws(?:-[a-z]+)*:bedrock:(?P<region>[a-z0-9-]{0,32}):[0-9]*:[!-~]+")


class _Destination(Struct):
    model_arn: str = field(name="modelArn")


class _Profile(Struct):
    """What is read of GetInferenceProfile."""

    status: str
    models: list[_Destination]


async def inspect(question: Question, model: str) -> Inspection:
    """Return the regions that may answer a profile; nothing of a model that runs where it is asked.

    A profile that there is not leaves its neighbours alone; a control plane that does not answer
    leaves nothing proven.

    ValueError when the answer cannot be read; what `question` raises passes through.
    """
    if not is_profile(model):
        return Inspection()
    status, body = await question(PROFILES + quote(model, safe=""), "")
    if status in NO_PROFILE:
        return Inspection(unfit=f"GetInferenceProfile answers {status}")
    if status != OK:
        return Inspection(problem=f"{model}: GetInferenceProfile answers {status}")
    profile = msgspec.json.decode(body, type=_Profile)
    arns = [_MODEL.fullmatch(one.model_arn) for one in profile.models]
    if profile.status != ACTIVE or not arns or len(arns) > DESTINATIONS_MAX:
        return Inspection(unfit="the profile is not active, or has no destinations")
    # A destination that cannot be read has no region, and so lies in no zone.
    return Inspection(regions=tuple("" if arn is None else arn["region"] for arn in arns))
