"""LiteLLM's SDK as a client of chat, responses, messages, embeddings, sound and moderations; prints JSON."""

import asyncio
import json
import os
from typing import Any

os.environ |= {"LITELLM_LOCAL_MODEL_COST_MAP": "True", "LITELLM_TELEMETRY": "False"}

import litellm
import openai

MODEL, BASE, TOKEN = os.environ["MODEL"], os.environ["BASE_URL"], os.environ["TOKEN"]
HELLO = [{"role": "user", "content": "Say hello."}]
TOOL = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}
litellm.suppress_debug_info = True
litellm.num_retries = 0


def chats(provider: str, base: str) -> dict[str, Any]:
    """What `completion` brings through one of its providers."""
    where: dict[str, Any] = {"api_base": base, "api_key": TOKEN, "max_tokens": 2_000, "max_retries": 0}
    whole = litellm.completion(f"{provider}/{MODEL}", HELLO, **where)
    got: dict[str, Any] = {
        "whole": [whole.choices[0].message.content, whole.choices[0].finish_reason, whole.usage.total_tokens]
    }
    chunks = list(litellm.completion(f"{provider}/{MODEL}", HELLO, stream=True, **where))
    got["streamed"] = "".join(chunk.choices[0].delta.content or "" for chunk in chunks)
    got["end"] = chunks[-1].choices[0].finish_reason
    first = litellm.completion(f"{provider}/{MODEL}-tools", HELLO, tools=[TOOL], **where).choices[0].message
    (call,) = first.tool_calls
    got["call"] = [call.function.name, json.loads(call.function.arguments)]
    result = {"role": "tool", "tool_call_id": call.id, "content": "sunny"}
    history = [*HELLO, first.model_dump(exclude_none=True), result]
    second = litellm.completion(f"{provider}/{MODEL}-tools", history, tools=[TOOL], **where)
    got["looped"] = second.choices[0].message.content
    for name, model, token in (("stranger", MODEL, "wrong"), ("overloaded", f"{MODEL}-overloaded", TOKEN)):
        try:
            litellm.completion(f"{provider}/{model}", HELLO, **{**where, "api_key": token})
        except openai.APIStatusError as error:
            got[name] = type(error).__name__
    return got


def responses() -> dict[str, Any]:
    """What `responses` brings."""
    where: dict[str, Any] = {"api_base": f"{BASE}/v1", "api_key": TOKEN}
    whole = litellm.responses(input="Say hello.", model=f"openai/{MODEL}", **where)
    events = list(litellm.responses(input="Say hello.", model=f"openai/{MODEL}", stream=True, **where))
    return {
        "whole": [whole.output[0].content[0].text, whole.status, whole.usage.total_tokens],
        "ends": [events[0].type, events[-1].type],
        "streamed": "".join(event.delta for event in events if event.type == "response.output_text.delta"),
    }


async def messages() -> dict[str, Any]:
    """What Anthropic's own words bring through it."""
    where: dict[str, Any] = {"api_base": BASE, "api_key": TOKEN, "max_tokens": 2_000}
    told = await litellm.anthropic.messages.acreate(messages=HELLO, model=f"anthropic/{MODEL}", **where)
    return {"whole": [told["content"][0]["text"], told["stop_reason"]]}


def sound() -> dict[str, Any]:
    """What is said, heard and judged."""
    where: dict[str, Any] = {"api_base": f"{BASE}/v1", "api_key": TOKEN}
    spoken = litellm.speech(f"openai/{os.environ['SPEAKER']}", input="Hi", voice="alloy", **where)
    file = ("hello.mp3", spoken.content)
    return {
        "mp3": spoken.content[:2].hex(),
        "heard": litellm.transcription(f"openai/{MODEL}-heard", file, **where).text,
        "flagged": litellm.moderation("Hm.", f"openai/{MODEL}-judge", **where).results[0].flagged,
    }


vectors = litellm.embedding("openai/text-embedding-3-small", ["one"], api_base=f"{BASE}/v1", api_key=TOKEN)
told = {
    "chat": chats("openai", f"{BASE}/v1"),
    "anthropic": chats("anthropic", BASE),
    "responses": responses(),
    "messages": asyncio.run(messages()),
    "sound": sound(),
    "dimensions": len(vectors.data[0]["embedding"]),
}
print(json.dumps(told))
