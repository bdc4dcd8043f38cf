"""A chat request → the body of generateContent, built anew for each model that is asked."""

from typing import Any

from compat.schemas.chat import ChatRequest
from compat.translation.affinity import affinity_of
from compat.translation.chat.messages import to_contents
from compat.translation.content import to_text
from compat.translation.families import family_of
from compat.translation.parameters import (
    check_parameters,
    to_generation_config,
    to_safety_settings,
    to_service_tier,
)
from compat.translation.response_format import in_words
from compat.translation.signatures import Recall
from compat.translation.tools import (
    Declared,
    declared_tools,
    may_run_code,
    may_search,
    to_tool_config,
    to_tools,
    with_code,
)


class ChatTranslation:
    """One request, checked once; `to_body` may then be called for every target of its model mapping.

    Raises Untranslatable for what no model could be asked.
    """

    def __init__(self, request: ChatRequest, recall: Recall, *, runs_code: bool = False) -> None:
        check_parameters(request)
        self.request = request
        self.declared: Declared = declared_tools(request)
        self.prompt_characters = sum(map(_size, request.messages))
        """A rough size of the prompt, for estimates: the characters of its texts."""
        self._recall = recall
        self._runs_code = runs_code

    def to_body(self, model: str, candidates: int) -> dict[str, Any]:
        """The body for a Gemini model that is to give so many candidates. Built from known members only."""
        family = family_of(model)
        request, declared = self.request, self.declared
        tools = to_tools(declared, request, family, runs_code=self._runs_code)
        words = in_words(request.response_format, family, has_tools=bool(tools))
        system, contents = to_contents(request, family, self._recall, words)
        generation = to_generation_config(request, family, has_tools=bool(tools))
        if candidates > 1:
            generation["candidateCount"] = candidates
        body: dict[str, Any] = {"contents": contents}
        if system:
            body["systemInstruction"] = {"parts": system}
        if tools:
            body["tools"] = tools
        config = to_tool_config(declared, request, family)
        config = with_code(config, declared, family) if self._runs_code else config
        if config:
            body["toolConfig"] = config
        if generation:
            body["generationConfig"] = generation
        if safety := to_safety_settings(request):
            body["safetySettings"] = safety
        if tier := to_service_tier(request):
            body["serviceTier"] = tier
        return body

    def left_out(self, model: str) -> list[str]:
        """Which of Gemini's own tools that the request may use this model is not given."""
        family = family_of(model)
        searches = self.request.web_search_options is not None
        wanted = (
            ("web_search", searches, may_search(self.declared, family)),
            ("code_interpreter", self._runs_code, may_run_code(self.declared, family)),
        )
        return [name for name, is_wanted, is_given in wanted if is_wanted and not is_given]

    def affinity(self) -> int | None:
        """A number for the beginning of the conversation; None where it makes no difference which project answers."""
        beginning = (to_text(message.content) for message in self.request.messages[:2])
        return affinity_of(beginning, self.prompt_characters, bound=bool(self.declared.functions))


def _size(message: Any) -> int:
    content = getattr(message, "content", None)
    if isinstance(content, str):
        return len(content)
    return sum(len(getattr(part, "text", "")) or 1_000 for part in content or ())
