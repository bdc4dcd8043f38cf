"""Ready snippets: how each client is told this server's address, its token and a model."""

from typing import NamedTuple

MODEL = "gpt-4o-mini"
EMBEDDING_MODEL = "text-embedding-3-small"


class Snippet(NamedTuple):
    """One client; `text` has BASE_URL, MODEL and TOKEN in it."""

    name: str
    where: str
    """What the text is, or where it goes."""
    token: str
    """What stands for the token, until the reader gives the page one to put in its place."""
    text: str

    def filled(self, base_url: str) -> str:
        """The text for this server."""
        return self.text.replace("BASE_URL", base_url).replace("MODEL", MODEL).replace("TOKEN", self.token)

    @property
    def quotes(self) -> bool:
        """True where the token stands without quotes until it is a text."""
        return "env" in self.token

    @property
    def slug(self) -> str:
        """Its name in an address."""
        return self.name.lower().replace(" ", "-")


_SHELL, _FORM = "shell", "settings"
_VARIABLE, _BY_HAND = "$TUMBLER_TOKEN", "your token"
_PYTHON, _NODE = 'os.environ["TUMBLER_TOKEN"]', "process.env.TUMBLER_TOKEN"

SNIPPETS = (
    Snippet(
        "curl",
        _SHELL,
        _VARIABLE,
        """curl BASE_URL/chat/completions \\
  -H "Authorization: Bearer TOKEN" \\
  -H "Content-Type: application/json" \\
  -d '{"model": "MODEL", "messages": [{"role": "user", "content": "Hello"}]}'""",
    ),
    Snippet(
        "OpenAI Python",
        "Python (pip install openai)",
        _PYTHON,
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
        "OpenAI Node",
        "JavaScript (npm install openai)",
        _NODE,
        """import OpenAI from "openai";

const client = new OpenAI({ baseURL: "BASE_URL", apiKey: TOKEN });
const completion = await client.chat.completions.create({
  model: "MODEL",
  messages: [{ role: "user", content: "Hello" }],
});
console.log(completion.choices[0].message.content);""",
    ),
    Snippet(
        "LangChain",
        "Python (pip install langchain-openai)",
        _PYTHON,
        """import os

from langchain_openai import ChatOpenAI

model = ChatOpenAI(model="MODEL", base_url="BASE_URL", api_key=TOKEN)
print(model.invoke("Hello").content)""",
    ),
    Snippet(
        "Vercel AI SDK",
        "JavaScript (npm install ai @ai-sdk/openai-compatible)",
        _NODE,
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
    Snippet(
        "llm",
        "extra-openai-models.yaml in the folder of `llm logs path`, then `llm keys set tumbler` and `llm -m tumbler Hello`",
        _BY_HAND,
        """- model_id: tumbler
  model_name: MODEL
  api_base: "BASE_URL"
  api_key_name: tumbler
  vision: true
  supports_schema: true
  supports_tools: true""",
    ),
    Snippet(
        "aider",
        _SHELL,
        _VARIABLE,
        """export OPENAI_API_BASE="BASE_URL"
export OPENAI_API_KEY="TOKEN"
aider --model openai/MODEL""",
    ),
    Snippet(
        "Open WebUI",
        "shell; in a container this computer is called host.docker.internal, not localhost",
        _VARIABLE,
        """docker run -d -p 8080:8080 \\
  -e OPENAI_API_BASE_URL="BASE_URL" \\
  -e OPENAI_API_KEY="TOKEN" \\
  -v open-webui:/app/backend/data \\
  ghcr.io/open-webui/open-webui:main""",
    ),
    Snippet(
        "Cline",
        _FORM,
        _BY_HAND,
        """API Provider   OpenAI Compatible
Base URL       BASE_URL
API Key        TOKEN
Model ID       MODEL""",
    ),
    Snippet(
        "Continue",
        "~/.continue/config.yaml",
        _BY_HAND,
        """name: Gemini Tumbler
version: 1.0.0
schema: v1
models:
  - name: Gemini Tumbler
    provider: openai
    model: MODEL
    apiBase: BASE_URL
    apiKey: TOKEN
    roles: [chat, edit, apply]""",
    ),
)
