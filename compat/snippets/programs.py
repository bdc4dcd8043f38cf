"""Ready-made programs: the settings or the commands that lead them here."""

from compat.snippets.snippet import BY_HAND, FORM, SHELL, VARIABLE, Snippet

PROGRAMS = (
    Snippet(
        "Codex CLI",
        "~/.codex/config.toml, and the token in the environment as `TUMBLER_TOKEN`",
        BY_HAND,
        """model = "MODEL"
model_provider = "tumbler"

[model_providers.tumbler]
name = "Gemini Tumbler"
base_url = "BASE_URL"
env_key = "TUMBLER_TOKEN"
wire_api = "responses"
""",
    ),
    Snippet(
        "Claude Code",
        SHELL,
        VARIABLE,
        """export ANTHROPIC_BASE_URL="ROOT_URL"
export ANTHROPIC_AUTH_TOKEN="TOKEN"
export ANTHROPIC_MODEL="MODEL"
claude""",
    ),
    Snippet(
        "Gemini CLI",
        "shell; with `security.auth.selectedType` set to `gemini-api-key` in ~/.gemini/settings.json",
        VARIABLE,
        """export GOOGLE_GEMINI_BASE_URL="ROOT_URL"
export GEMINI_API_KEY="TOKEN"
gemini --model MODEL""",
    ),
    Snippet(
        "llm",
        "extra-openai-models.yaml in the folder of `llm logs path`, then `llm keys set tumbler` and `llm -m tumbler Hello`",
        BY_HAND,
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
        SHELL,
        VARIABLE,
        """export OPENAI_API_BASE="BASE_URL"
export OPENAI_API_KEY="TOKEN"
aider --model openai/MODEL""",
    ),
    Snippet(
        "Open WebUI",
        "shell; in a container this computer is called host.docker.internal, not localhost",
        VARIABLE,
        """docker run -d -p 8080:8080 \\
  -e OPENAI_API_BASE_URL="BASE_URL" \\
  -e OPENAI_API_KEY="TOKEN" \\
  -v open-webui:/app/backend/data \\
  ghcr.io/open-webui/open-webui:main""",
    ),
    Snippet(
        "Cline",
        FORM,
        BY_HAND,
        """API Provider   OpenAI Compatible
Base URL       BASE_URL
API Key        TOKEN
Model ID       MODEL""",
    ),
    Snippet(
        "Continue",
        "~/.continue/config.yaml",
        BY_HAND,
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
