"""OpenAI's Agents SDK: a run with a tool, a streamed one, an answer of a type, over responses and over chat; prints JSON."""

import asyncio
import json
import os
from typing import Any

from agents import (
    Agent,
    OpenAIChatCompletionsModel,
    OpenAIResponsesModel,
    Runner,
    function_tool,
    set_tracing_disabled,
)
from openai import AsyncOpenAI, AuthenticationError
from pydantic import BaseModel

MODEL = os.environ["MODEL"]


class Person(BaseModel):
    """What an answer must be."""

    name: str
    age: int


@function_tool
def get_weather(city: str) -> str:
    """Tell the weather in a city."""
    return f"sunny in {city}"


async def drive(kind: Any, client: AsyncOpenAI) -> dict[str, Any]:
    """What runs over one API bring."""
    model = kind(model=MODEL, openai_client=client)
    teller = Agent(name="teller", instructions="Tell the weather.", model=model, tools=[get_weather])
    run = await Runner.run(teller, "What is the weather in Oslo?")
    got: dict[str, Any] = {"answer": run.final_output, "turns": len(run.raw_responses)}
    got["tokens"] = run.context_wrapper.usage.total_tokens
    streamed = Runner.run_streamed(teller, "What is the weather in Oslo?")
    got["pieces"] = [
        event.data.delta
        async for event in streamed.stream_events()
        if event.type == "raw_response_event" and event.data.type == "response.output_text.delta"
    ]
    got["streamed"] = streamed.final_output
    again = await Runner.run(teller, [*run.to_input_list(), {"role": "user", "content": "And in Rome?"}])
    got["again"] = again.final_output
    typed = kind(model=f"{MODEL}-typed", openai_client=client)
    person = (await Runner.run(Agent(name="who", model=typed, output_type=Person), "Who?")).final_output
    got["person"] = [type(person).__name__, person.name, person.age]
    return got


async def main() -> None:
    """Both APIs, and a wrong token."""
    set_tracing_disabled(True)
    where = f"{os.environ['BASE_URL']}/v1"
    async with AsyncOpenAI(base_url=where, api_key=os.environ["TOKEN"], max_retries=0) as client:
        told: dict[str, Any] = {"responses": await drive(OpenAIResponsesModel, client)}
        told["chat"] = await drive(OpenAIChatCompletionsModel, client)
    async with AsyncOpenAI(base_url=where, api_key="wrong", max_retries=0) as stranger:
        try:
            await Runner.run(Agent(name="x", model=OpenAIResponsesModel(model=MODEL, openai_client=stranger)), "Hello")
        except AuthenticationError as refused:
            told["refused"] = refused.code
    print(json.dumps(told))


asyncio.run(main())
