"""The words for each member of a request; the structs hold its type and bounds."""

_MODEL = "A mapped name (`gpt-4o-mini`), or one of Gemini's own. See `GET /models`."
_USER = "Whom the request is for; kept as a keyed hash where the token tells its users apart, else ignored."
_STOP = "Texts at which the answer ends, 5 at most. They are not part of it."
_LIMIT = "The most tokens to generate, reasoning included; cut to the model's own limit."
_STREAM = "Answer as a stream of events."
_STREAM_OPTIONS = "`include_usage`: a last event with the token counts. Only with `stream`."
_TEMPERATURE = "How freely the next token is chosen: 0 is the surest."
_TOP_P = "Choose among the likeliest tokens that together have this share."
_PRESENCE = "Lessen what was already said; left out for models that have no such thing."
_FREQUENCY = "Lessen what was said often; left out for models that have no such thing."
_SEED = "Make the answer likelier to be the same again."
_BIAS = "Ignored, but for its shape: the tokenizers differ."

MEMBERS: dict[str, dict[str, str]] = {
    "ChatRequest": {
        "model": _MODEL,
        "messages": "The conversation, oldest first.",
        "stream": _STREAM,
        "stream_options": _STREAM_OPTIONS,
        "max_tokens": "The older name of `max_completion_tokens`.",
        "max_completion_tokens": _LIMIT,
        "temperature": _TEMPERATURE,
        "top_p": _TOP_P,
        "top_k": "Choose among so many of the likeliest tokens; 0 and less: no such bound.",
        "n": "How many answers to give.",
        "stop": _STOP,
        "presence_penalty": _PRESENCE,
        "frequency_penalty": _FREQUENCY,
        "seed": _SEED,
        "logit_bias": _BIAS,
        "logprobs": "Tell how likely each token was, where the model can.",
        "top_logprobs": "How many likely tokens to tell beside each. Only with `logprobs`.",
        "response_format": "Plain text, any JSON, or JSON that fits a schema.",
        "tools": "Functions and custom tools that the model may call.",
        "tool_choice": "Whether it may, must or must not call, or which one.",
        "parallel_tool_calls": "False: at most one call a turn.",
        "functions": "The older name of `tools`; answered as `function_call`.",
        "function_call": "The older name of `tool_choice`.",
        "reasoning_effort": "How long the model thinks before it answers; what it can not do is rounded to what it can.",
        "reasoning": "Another way to say `reasoning_effort`.",
        "modalities": "What the answer may be: text, images or sound, where the model can.",
        "audio": "The voice and format of a spoken answer: `wav` or `pcm16`.",
        "web_search_options": "Let Gemini search the web; not beside functions. Sources come as annotations.",
        "service_tier": "`flex` and `priority` are passed on, others ignored.",
        "user": _USER,
        "extra_body": "`google.thinking_config` and `google.safety_settings`, as in Google's own OpenAI layer.",
        "google": "The same at the top level.",
    },
    "ResponseRequest": {
        "model": _MODEL,
        "input": "What the user says, or the items of the whole conversation: nothing is stored here.",
        "instructions": "What leads the conversation.",
        "stream": _STREAM,
        "stream_options": "Ignored.",
        "max_output_tokens": _LIMIT,
        "max_tool_calls": "Ignored, and told back.",
        "temperature": _TEMPERATURE,
        "top_p": _TOP_P,
        "top_logprobs": "How many likely tokens to tell for each, where the model can.",
        "tools": "Functions and custom tools that the model may call; `web_search` is Google's. Others are left out.",
        "tool_choice": "Whether it may, must or must not call, or which one.",
        "parallel_tool_calls": "False: at most one call a turn.",
        "text": "`format`: plain text, any JSON, or JSON that fits a schema.",
        "reasoning": "`effort`: how long the model thinks. `summary`: tell what it thought.",
        "include": "`reasoning.encrypted_content`: the signatures that newer models demand back travel with the items. "
        "`message.output_text.logprobs`: how likely each token was.",
        "truncation": "Ignored, and told back.",
        "metadata": "Ignored, and told back.",
        "store": "Ignored: nothing is stored.",
        "background": "Refused.",
        "previous_response_id": "Refused: nothing is stored.",
        "conversation": "Refused: nothing is stored.",
        "prompt": "Refused: nothing is stored.",
        "service_tier": "`flex` and `priority` are passed on, others ignored.",
        "user": _USER,
    },
    "CompletionRequest": {
        "model": _MODEL,
        "prompt": "A text, token ids, or a list of either: 32 at most.",
        "suffix": "Refused: no Gemini model inserts text.",
        "max_tokens": _LIMIT,
        "temperature": _TEMPERATURE,
        "top_p": _TOP_P,
        "n": "How many texts for each prompt.",
        "best_of": "Ignored, but for its bounds.",
        "stream": _STREAM,
        "stream_options": _STREAM_OPTIONS,
        "logprobs": "How many likely tokens to tell for each, where the model can.",
        "echo": "Begin each text with its prompt.",
        "stop": _STOP,
        "presence_penalty": _PRESENCE,
        "frequency_penalty": _FREQUENCY,
        "logit_bias": _BIAS,
        "seed": _SEED,
        "user": _USER,
    },
    "EmbeddingRequest": {
        "model": "A mapped name (`text-embedding-3-small`), or one of Gemini's own.",
        "input": "A text, cl100k token ids, or a list of either: 2,048 at most.",
        "encoding_format": "Vectors as numbers, or as base64 of little-endian float32.",
        "dimensions": "The length of each vector, where the model can.",
        "user": _USER,
    },
    "ContributionRequest": {
        "key": "A Gemini API key.",
        "keys": "Several keys, 20 at most, in place of `key`.",
        "consent": "The version of the terms that is agreed to, from `GET /contributions`; true: the present one.",
        "project": "A name for the Google project, the same for all keys of it: they share its quota.",
        "paid": "Its project has billing, so requests cost its owner money.",
        "keep_share": "Per cent of the daily quota that its owner keeps.",
        "models": "Lend it for these models only; `*` stands for anything.",
        "hours_utc": "Lend it in these hours only.",
    },
}
