"""Programs of one's own: a whole one in each language and for each API."""

from compat.snippets.snippet import NODE, PYTHON, SHELL, VARIABLE, Snippet

CODE = (
    Snippet(
        "curl",
        SHELL,
        VARIABLE,
        """curl BASE_URL/chat/completions \\
  -H "Authorization: Bearer TOKEN" \\
  -H "Content-Type: application/json" \\
  -d '{"model": "MODEL", "messages": [{"role": "user", "content": "Hello"}]}'""",
    ),
    Snippet(
        "OpenAI Python",
        "Python (pip install openai)",
        PYTHON,
        """import os

from openai import OpenAI

client = OpenAI(base_url="BASE_URL", api_key=TOKEN)
completion = client.chat.completions.create(
    model="MODEL",
    messages=[{"role": "user", "content": "Hello"}],
)
print(completion.choices[0].message.content)""",
    ),
    Snippet(
        "OpenAI Responses",
        "Python (pip install openai)",
        PYTHON,
        """import os

from openai import OpenAI

client = OpenAI(base_url="BASE_URL", api_key=TOKEN)
response = client.responses.create(
    model="MODEL",
    instructions="Answer in one sentence.",
    input="Hello",
)
print(response.output_text)""",
    ),
    Snippet(
        "OpenAI images",
        "Python (pip install openai)",
        PYTHON,
        """import base64
import os

from openai import OpenAI

client = OpenAI(base_url="BASE_URL", api_key=TOKEN)
images = client.images.generate(model="gpt-image-1", prompt="An otter on a barrel")
with open("otter.png", "wb") as file:
    file.write(base64.b64decode(images.data[0].b64_json))""",
    ),
    Snippet(
        "OpenAI speech",
        "Python (pip install openai)",
        PYTHON,
        """import os

from openai import OpenAI

client = OpenAI(base_url="BASE_URL", api_key=TOKEN)
with client.audio.speech.with_streaming_response.create(
    model="gpt-4o-mini-tts", voice="alloy", input="Hello", response_format="wav"
) as speech:
    speech.stream_to_file("hello.wav")""",
    ),
    Snippet(
        "OpenAI Node",
        "JavaScript (npm install openai)",
        NODE,
        """import OpenAI from "openai";

const client = new OpenAI({ baseURL: "BASE_URL", apiKey: TOKEN });
const completion = await client.chat.completions.create({
  model: "MODEL",
  messages: [{ role: "user", content: "Hello" }],
});
console.log(completion.choices[0].message.content);""",
    ),
    Snippet(
        "OpenAI Agents SDK",
        "Python (pip install openai-agents)",
        PYTHON,
        """import os

from agents import Agent, OpenAIResponsesModel, Runner, set_tracing_disabled
from openai import AsyncOpenAI

set_tracing_disabled(True)  # it would go to OpenAI
client = AsyncOpenAI(base_url="BASE_URL", api_key=TOKEN)
agent = Agent(name="Helper", model=OpenAIResponsesModel("MODEL", client))
print(Runner.run_sync(agent, "Hello").final_output)""",
    ),
    Snippet(
        "Anthropic Python",
        "Python (pip install anthropic)",
        PYTHON,
        """import os

from anthropic import Anthropic

client = Anthropic(base_url="ROOT_URL", auth_token=TOKEN)
message = client.messages.create(
    model="MODEL",
    max_tokens=1000,
    messages=[{"role": "user", "content": "Hello"}],
)
print(message.content[0].text)""",
    ),
    Snippet(
        "Google Gen AI Python",
        "Python (pip install google-genai)",
        PYTHON,
        """import os

from google import genai

client = genai.Client(api_key=TOKEN, http_options={"base_url": "ROOT_URL"})
answer = client.models.generate_content(model="MODEL", contents="Hello")
print(answer.text)""",
    ),
    Snippet(
        "LangChain",
        "Python (pip install langchain-openai)",
        PYTHON,
        """import os

from langchain_openai import ChatOpenAI

model = ChatOpenAI(model="MODEL", base_url="BASE_URL", api_key=TOKEN)
print(model.invoke("Hello").content)""",
    ),
    Snippet(
        "Vercel AI SDK",
        "JavaScript (npm install ai @ai-sdk/openai-compatible)",
        NODE,
        """import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { generateText } from "ai";

const tumbler = createOpenAICompatible({
  name: "tumbler",
  baseURL: "BASE_URL",
  apiKey: TOKEN,
});
const { text } = await generateText({ model: tumbler("MODEL"), prompt: "Hello" });
console.log(text);""",
    ),
)
