"""langchain-openai and langchain-anthropic, which differ in how a model is made."""

from errand import ERRAND, MAX_TOKENS, drive, read_file
from langchain_core.messages import HumanMessage, ToolMessage
from langchain_core.tools import tool
from pydantic import BaseModel


class Found(BaseModel):
    """The word that was asked for."""

    word: str


def made():
    if ERRAND.face == "messages":
        from langchain_anthropic import ChatAnthropic

        return ChatAnthropic(
            model=ERRAND.model,
            base_url=ERRAND.url,
            api_key=ERRAND.key,
            max_tokens=MAX_TOKENS,
            max_retries=0,
        )
    from langchain_openai import ChatOpenAI

    return ChatOpenAI(
        model=ERRAND.model,
        base_url=f"{ERRAND.url}/v1",
        api_key=ERRAND.key,
        max_retries=0,
        use_responses_api=ERRAND.face == "responses",
    )


model = made()
reader = tool(read_file)
with_tools = model.bind_tools([reader])


def whole() -> str:
    return model.invoke(ERRAND.say).text


def streamed() -> list[str]:
    return [str(chunk.text) for chunk in model.stream(ERRAND.say)]


def results(message) -> list:
    assert message.tool_calls
    told = [
        ToolMessage(reader.invoke(call["args"]), tool_call_id=call["id"])
        for call in message.tool_calls
    ]
    return [HumanMessage(ERRAND.read), message, *told]


def called() -> str:
    return with_tools.invoke(results(with_tools.invoke(ERRAND.read))).text


def called_streamed() -> list[str]:
    chunks = list(with_tools.stream(ERRAND.read))
    message = sum(chunks[1:], start=chunks[0])
    return [str(chunk.text) for chunk in with_tools.stream(results(message))]


def shaped() -> str:
    return model.with_structured_output(Found, method="json_schema").invoke(ERRAND.say).word


def shaped_call() -> str:
    return model.with_structured_output(Found, method="function_calling").invoke(ERRAND.say).word


drive(
    whole=whole,
    streamed=streamed,
    called=called,
    called_streamed=called_streamed,
    shaped=shaped,
    shaped_call=shaped_call,
)
