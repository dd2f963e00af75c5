"""instructor over openai's client: an object by a call that is forced, or by a schema."""

import instructor
from errand import ERRAND, drive
from openai import OpenAI
from pydantic import BaseModel

client = OpenAI(base_url=f"{ERRAND.url}/v1", api_key=ERRAND.key, max_retries=0)


class Found(BaseModel):
    """The word that was asked for."""

    word: str


def found(mode: instructor.Mode, **more) -> Found:
    return instructor.from_openai(client, mode=mode).create(
        model=ERRAND.model, messages=ERRAND.said, response_model=Found, max_retries=1, **more
    )


def streamed() -> list[str]:
    parts = instructor.from_openai(client, mode=instructor.Mode.TOOLS).create_partial(
        model=ERRAND.model, messages=ERRAND.said, response_model=Found, max_retries=1
    )
    words = [part.word for part in parts if part.word]
    return [words[-1]]


drive(
    shaped=lambda: found(instructor.Mode.JSON_SCHEMA).word,
    shaped_call=lambda: found(instructor.Mode.TOOLS).word,
    shaped_call_streamed=streamed,
)
