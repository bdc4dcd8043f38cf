"""Content and Part: the message types of what is said (Gemini API reference, 2.1 and 2.2)."""

from compat.schemas.gemini_request.shape import (
    Many,
    Message,
    anything,
    base64_bytes,
    boolean,
    duration,
    enum,
    int32,
    json_object,
    number,
    signature_bytes,
    string,
)

DATA_FIELDS = (
    "text",
    "inlineData",
    "fileData",
    "functionCall",
    "functionResponse",
    "executableCode",
    "codeExecutionResult",
    "toolCall",
    "toolResponse",
)
_blob = Message("Blob", {"mimeType": string, "data": base64_bytes, "displayName": string})
_file = Message("FileData", {"mimeType": string, "fileUri": string, "displayName": string})
_tool_type = enum(
    "ToolType",
    (
        "GOOGLE_SEARCH_WEB",
        "GOOGLE_SEARCH_IMAGE",
        "URL_CONTEXT",
        "GOOGLE_MAPS",
        "FILE_SEARCH",
        "MEDIA_PROCESSING",
    ),
)
_function_call = Message("FunctionCall", {"id": string, "name": string, "args": json_object})
_response_part = Message(
    "FunctionResponsePart",
    {
        "inlineData": _blob,
        "fileData": _file,
        "mediaProcessing": anything,
        "mediaResolution": json_object,
        "videoMetadata": json_object,
        "audioMetadata": json_object,
        "documentMetadata": json_object,
        "spreadsheetMetadata": json_object,
    },
)
_function_response = Message(
    "FunctionResponse",
    {
        "id": string,
        "name": string,
        "response": json_object,
        "parts": Many(_response_part),
        "willContinue": boolean,
        "scheduling": enum("FunctionResponse.Scheduling", ("SILENT", "WHEN_IDLE", "INTERRUPT")),
    },
)
_executable_code = Message(
    "ExecutableCode", {"id": string, "language": enum("ExecutableCode.Language", ("PYTHON",)), "code": string}
)
_code_result = Message(
    "CodeExecutionResult",
    {
        "id": string,
        "outcome": enum("CodeExecutionResult.Outcome", ("OUTCOME_OK", "OUTCOME_FAILED", "OUTCOME_DEADLINE_EXCEEDED")),
        "output": string,
    },
)
_resolution = enum(
    "PartMediaResolution.Level",
    ("MEDIA_RESOLUTION_LOW", "MEDIA_RESOLUTION_MEDIUM", "MEDIA_RESOLUTION_HIGH", "MEDIA_RESOLUTION_ULTRA_HIGH"),
)
_video_metadata = Message(
    "VideoMetadata", {"startOffset": duration, "endOffset": duration, "fps": number, "contentLayers": anything}
)
PART = Message(
    "Part",
    {
        "text": string,
        "inlineData": _blob,
        "fileData": _file,
        "functionCall": _function_call,
        "functionResponse": _function_response,
        "executableCode": _executable_code,
        "codeExecutionResult": _code_result,
        "toolCall": Message("ToolCall", {"id": string, "toolType": _tool_type, "args": json_object}),
        "toolResponse": Message("ToolResponse", {"id": string, "toolType": _tool_type, "response": json_object}),
        "thought": boolean,
        "thoughtSignature": signature_bytes,
        "videoMetadata": _video_metadata,
        "mediaResolution": Message("PartMediaResolution", {"level": _resolution, "numTokens": int32}),
        "partMetadata": json_object,
        "speechMetadata": json_object,
        "mediaProcessing": anything,
        "audioTranscription": json_object,
        "audioMetadata": json_object,
        "documentMetadata": json_object,
        "spreadsheetMetadata": json_object,
    },
    oneof=DATA_FIELDS,
)
CONTENT = Message("Content", {"role": string, "parts": Many(PART)})
