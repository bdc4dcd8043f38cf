"""The words of the API document: what each route does, takes, answers and may refuse."""

from compat import errors
from compat.openapi.audio import AUDIO
from compat.openapi.files import FILES
from compat.openapi.gemini import GEMINI
from compat.openapi.images import IMAGES
from compat.openapi.operation import ASKING, BODY, DOOR, Operation
from compat.openapi.stored import STORED
from compat.schemas import (
    anthropic_answers,
    chat_answers,
    contribution_answers,
    embedding_answers,
    model_answers,
    moderation_answers,
    response_answers,
    usage_answers,
)
from compat.schemas.anthropic import MessagesRequest
from compat.schemas.chat import ChatRequest
from compat.schemas.completions import CompletionRequest
from compat.schemas.contributions import ContributionRequest
from compat.schemas.embeddings import EmbeddingRequest
from compat.schemas.moderations import ModerationRequest
from compat.schemas.responses import ResponseRequest

_STREAM = (
    "With `stream: true` the answer is a stream of Server-Sent Events: each `data:` line holds one object, the last one "
    "`[DONE]`. During a long silence comment lines keep the connection open. An error after the first event is one "
    '`data: {"error": …}` event, and then the stream ends without `[DONE]`.'
)

OPERATIONS: dict[tuple[str, str], Operation] = {
    ("/chat/completions", "POST"): Operation(
        name="createChatCompletion",
        group="Chat",
        summary="Answer a conversation",
        description="OpenAI's chat completions, answered by Gemini: text, tools, JSON schema, images, sound, documents, "
        f"reasoning. Members that are not listed are ignored. The same route is served as `/chat`. {_STREAM}",
        request=ChatRequest,
        example={"model": "gpt-4o-mini", "messages": [{"role": "user", "content": "Say hello in one word."}]},
        answer=chat_answers.ChatCompletion,
        event=chat_answers.ChatCompletionChunk,
        errors=ASKING,
    ),
    ("/responses", "POST"): Operation(
        name="createResponse",
        group="Responses",
        summary="Answer items",
        description="OpenAI's newer API, answered by Gemini: the items of a conversation in, items out. With `stream: true` the "
        "answer is a stream of Server-Sent Events, each named by its type and numbered; the last one is `response.completed`, "
        "`response.incomplete` or `response.failed`. Unless `store` is false the response is kept, sealed, for 30 days.",
        request=ResponseRequest,
        example={"model": "gpt-4o-mini", "input": "Say hello in one word."},
        answer=response_answers.Response,
        event=response_answers.ResponseEvent,
        errors=(*ASKING, errors.NotFound),
    ),
    ("/messages", "POST"): Operation(
        name="createMessage",
        group="Messages",
        summary="Answer a conversation, in Anthropic's words",
        description="Anthropic's Messages API, answered by Gemini: text, images, documents, tools, thinking. "
        "With `stream: true` the answer is a stream of Anthropic's events. "
        "Blocks and tools of kinds that are not served are left out.",
        request=MessagesRequest,
        example={
            "model": "claude-sonnet-4-5",
            "max_tokens": 1024,
            "messages": [{"role": "user", "content": "Say hello in one word."}],
        },
        answer=anthropic_answers.AnthropicMessage,
        event=anthropic_answers.AnthropicEvent,
        errors=ASKING,
        error=anthropic_answers.AnthropicError,
    ),
    ("/responses/input_tokens", "POST"): Operation(
        name="countResponseTokens",
        group="Responses",
        summary="Count the tokens of items",
        description="What the input of a response counts with the model that would answer. It costs no tokens.",
        request=ResponseRequest,
        example={"model": "gpt-4o-mini", "input": "Say hello in one word."},
        answer=response_answers.ResponseInputTokens,
        errors=(*ASKING, errors.NotFound),
    ),
    ("/messages/count_tokens", "POST"): Operation(
        name="countMessageTokens",
        group="Messages",
        summary="Count the tokens of messages",
        description="What messages count with the model that would answer. It costs no tokens.",
        request=MessagesRequest,
        example={"model": "claude-sonnet-4-5", "messages": [{"role": "user", "content": "Say hello in one word."}]},
        answer=anthropic_answers.AnthropicCount,
        errors=ASKING,
        error=anthropic_answers.AnthropicError,
    ),
    ("/completions", "POST"): Operation(
        name="createCompletion",
        group="Chat",
        summary="Complete a text (legacy)",
        description=f"OpenAI's older endpoint: each prompt becomes one user turn. {_STREAM}",
        request=CompletionRequest,
        example={"model": "gpt-4o-mini", "prompt": "Once upon a time", "max_tokens": 60},
        answer=chat_answers.TextCompletion,
        event=chat_answers.TextCompletion,
        errors=ASKING,
    ),
    **IMAGES,
    ("/embeddings", "POST"): Operation(
        name="createEmbedding",
        group="Embeddings",
        summary="Make vectors of texts",
        description="A vector of unit length for each text, or for each list of cl100k token ids.",
        request=EmbeddingRequest,
        example={"model": "text-embedding-3-small", "input": ["a text", "another one"], "encoding_format": "float"},
        answer=embedding_answers.EmbeddingList,
        errors=ASKING,
    ),
    ("/models", "GET"): Operation(
        name="listModels",
        group="Models",
        summary="List the models",
        description="The models that the token may use: mapped names first, then those that Gemini offers.",
        answer=model_answers.ModelList,
        errors=DOOR,
    ),
    ("/models/{model_id}", "GET"): Operation(
        name="retrieveModel",
        group="Models",
        summary="Look a model up",
        description="One model of the list. One that the token may not use is not found.",
        answer=model_answers.Model,
        errors=(*DOOR, errors.UnknownModel),
        parameters=(
            {
                "name": "model_id",
                "in": "path",
                "required": True,
                "description": "The id of the model; slashes in it may be sent as they are or percent-encoded.",
                "schema": {"type": "string"},
                "example": "gemini-2.5-flash",
            },
        ),
    ),
    **AUDIO,
    ("/moderations", "POST"): Operation(
        name="createModeration",
        group="Moderations",
        summary="Judge content",
        description="How likely each text, or a content of texts and images, belongs to OpenAI's categories. It is not OpenAI's "
        "classifier: a Gemini model is asked for the likelihoods, and Gemini's safety ratings, where it sends some, raise them. "
        "What Gemini blocks is flagged.",
        request=ModerationRequest,
        example={"input": ["Good morning!", "I will hurt you."]},
        answer=moderation_answers.Moderation,
        errors=ASKING,
    ),
    **FILES,
    **STORED,
    ("/usage", "GET"): Operation(
        name="retrieveUsage",
        group="Usage",
        summary="See what the token has used",
        description="The limits that hold for the token with what is left of each, and its sums by day and model. "
        "This route is ours, not OpenAI's.",
        answer=usage_answers.Usage,
        errors=(*DOOR, errors.InvalidRequest),
        parameters=(
            {
                "name": "days",
                "in": "query",
                "required": False,
                "description": "How many UTC days to sum up, today among them.",
                "schema": {"type": "integer", "minimum": 1, "maximum": 366, "default": 30},
            },
        ),
    ),
    ("/contributions", "GET"): Operation(
        name="retrieveContributionTerms",
        group="Contributions",
        summary="Read the terms of lending a key",
        description="The terms to agree to, and their version. No token is needed. This route is ours, not OpenAI's.",
        answer=contribution_answers.ContributionTerms,
        errors=(errors.InternalError,),
        needs_token=False,
    ),
    ("/contributions", "POST"): Operation(
        name="createContribution",
        group="Contributions",
        summary="Lend keys",
        description="Gemini keys, lent without an account against a receipt. The answer is the same, and takes the same "
        "time, whatever the keys are. No token is needed. This route is ours, not OpenAI's.",
        request=ContributionRequest,
        example={"key": "your Gemini API key", "consent": True, "keep_share": 30},
        answer=contribution_answers.Contribution,
        status=202,
        errors=(*BODY, errors.RateLimited, errors.InternalError, errors.StorageUnavailable),
        needs_token=False,
    ),
    **GEMINI,
}
