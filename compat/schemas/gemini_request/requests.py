"""The request messages of each method, with GenerationConfig and SafetySetting (Gemini API reference, 1, 2.6, 2.12)."""

from compat.schemas.gemini_request.content import CONTENT
from compat.schemas.gemini_request.schema import SCHEMA
from compat.schemas.gemini_request.shape import (
    Many,
    MapOf,
    Message,
    anything,
    boolean,
    enum,
    int32,
    int64,
    json_object,
    number,
    string,
)
from compat.schemas.gemini_request.tools import TOOL, TOOL_CONFIG

_VOICE = Message(
    "VoiceConfig",
    {
        "prebuiltVoiceConfig": Message("PrebuiltVoiceConfig", {"voiceName": string}),
        "replicatedVoiceConfig": json_object,
        "voice": string,
    },
)
_SPEAKER = Message("SpeakerVoiceConfig", {"speaker": string, "voiceConfig": _VOICE})
_SPEECH = Message(
    "SpeechConfig",
    {
        "languageCode": string,
        "voiceConfig": _VOICE,
        "voice": string,
        "multiSpeakerVoiceConfig": Message("MultiSpeakerVoiceConfig", {"speakerVoiceConfigs": Many(_SPEAKER)}),
    },
)
_THINKING = Message(
    "ThinkingConfig",
    {
        "includeThoughts": boolean,
        "thinkingBudget": int32,
        "thinkingLevel": enum(
            "ThinkingLevel",
            ("THINKING_LEVEL_UNSPECIFIED", "MINIMAL", "LOW", "MEDIUM", "HIGH", "XHIGH"),
            any_case=True,
        ),
    },
)
_GENERATION_CONFIG = Message(
    "GenerationConfig",
    {
        "temperature": number,
        "topP": number,
        "topK": int32,
        "candidateCount": int32,
        "maxOutputTokens": int32,
        "stopSequences": Many(string),
        "presencePenalty": number,
        "frequencyPenalty": number,
        "seed": int32,
        "responseLogprobs": boolean,
        "logprobs": int32,
        "responseMimeType": string,
        "responseSchema": SCHEMA,
        "responseJsonSchema": anything,
        "responseModalities": Many(enum("GenerationConfig.Modality", ("TEXT", "IMAGE", "AUDIO", "VIDEO"))),
        "speechConfig": _SPEECH,
        "thinkingConfig": _THINKING,
        "mediaResolution": enum(
            "GenerationConfig.MediaResolution",
            ("MEDIA_RESOLUTION_LOW", "MEDIA_RESOLUTION_MEDIUM", "MEDIA_RESOLUTION_HIGH"),
        ),
        "imageConfig": Message("ImageConfig", {"aspectRatio": string, "imageSize": string}),
        "enableEnhancedCivicAnswers": boolean,
        "audioTranscriptionConfig": json_object,
    },
)
_CATEGORIES = (
    "HARASSMENT",
    "HATE_SPEECH",
    "SEXUALLY_EXPLICIT",
    "DANGEROUS_CONTENT",
    "CIVIC_INTEGRITY",
    "JAILBREAK",
    "IMAGE_HATE",
    "IMAGE_DANGEROUS_CONTENT",
    "IMAGE_HARASSMENT",
    "IMAGE_SEXUALLY_EXPLICIT",
)
_THRESHOLDS = ("OFF", "BLOCK_NONE", "BLOCK_ONLY_HIGH", "BLOCK_MEDIUM_AND_ABOVE", "BLOCK_LOW_AND_ABOVE")
_SAFETY = Message(
    "SafetySetting",
    {
        "category": enum("HarmCategory", [f"HARM_CATEGORY_{name}" for name in _CATEGORIES]),
        "threshold": enum("SafetySetting.HarmBlockThreshold", _THRESHOLDS),
    },
)
GENERATE = Message(
    "GenerateContentRequest",
    {
        "model": string,
        "contents": Many(CONTENT),
        "systemInstruction": CONTENT,
        "tools": Many(TOOL),
        "toolConfig": TOOL_CONFIG,
        "safetySettings": Many(_SAFETY),
        "generationConfig": _GENERATION_CONFIG,
        "cachedContent": string,
        "labels": MapOf(string),
        "serviceTier": enum("ServiceTier", ("STANDARD", "FLEX", "PRIORITY"), any_case=True),
        "store": boolean,
        "continuationToken": string,
    },
)
COUNT = Message("CountTokensRequest", {"contents": Many(CONTENT), "generateContentRequest": GENERATE})
EMBED = Message(
    "EmbedContentRequest",
    {
        "model": string,
        "content": CONTENT,
        "taskType": enum(
            "TaskType",
            (
                "TASK_TYPE_UNSPECIFIED",
                "RETRIEVAL_QUERY",
                "RETRIEVAL_DOCUMENT",
                "SEMANTIC_SIMILARITY",
                "CLASSIFICATION",
                "CLUSTERING",
                "QUESTION_ANSWERING",
                "FACT_VERIFICATION",
                "CODE_RETRIEVAL_QUERY",
            ),
        ),
        "title": string,
        "outputDimensionality": int32,
    },
)
EMBED_BATCH = Message("BatchEmbedContentsRequest", {"requests": Many(EMBED)})

_FILE = Message(
    "File",
    {
        "name": string,
        "displayName": string,
        "mimeType": string,
        "sizeBytes": int64,
        **dict.fromkeys(("createTime", "updateTime", "expirationTime", "sha256Hash", "uri", "state", "source"), string),
    },
)
CREATE_FILE = Message("CreateFileRequest", {"file": _FILE})
