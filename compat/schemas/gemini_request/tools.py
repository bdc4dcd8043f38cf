"""Tool and ToolConfig: the message types of what the model may call (Gemini API reference, 2.4 and 2.5)."""

from compat.schemas.gemini_request.schema import SCHEMA
from compat.schemas.gemini_request.shape import (
    Many,
    Message,
    anything,
    boolean,
    enum,
    int32,
    json_object,
    number,
    string,
)

_FUNCTION_DECLARATION = Message(
    "FunctionDeclaration",
    {
        "name": string,
        "description": string,
        "parameters": SCHEMA,
        "parametersJsonSchema": anything,
        "response": SCHEMA,
        "responseJsonSchema": anything,
        "behavior": enum("FunctionDeclaration.Behavior", ("UNSPECIFIED", "BLOCKING", "NON_BLOCKING")),
    },
)
_TIME_RANGE = Message("Interval", {"startTime": string, "endTime": string})
TOOL = Message(
    "Tool",
    {
        "functionDeclarations": Many(_FUNCTION_DECLARATION),
        "googleSearch": Message("GoogleSearch", {"timeRangeFilter": _TIME_RANGE, "searchTypes": json_object}),
        "googleSearchRetrieval": Message("GoogleSearchRetrieval", {"dynamicRetrievalConfig": json_object}),
        "urlContext": Message("UrlContext", {}),
        "codeExecution": Message("CodeExecution", {}),
        "googleMaps": Message("GoogleMaps", {"enableWidget": boolean}),
        "fileSearch": Message(
            "FileSearch", {"fileSearchStoreNames": Many(string), "topK": int32, "metadataFilter": string}
        ),
        "computerUse": Message(
            "ComputerUse",
            {
                "environment": string,
                "excludedPredefinedFunctions": Many(string),
                "enablePromptInjectionDetection": boolean,
                "disabledSafetyPolicies": Many(string),
            },
        ),
        "mcpServers": Many(json_object),
    },
)
_LOCATION = Message("LatLng", {"latitude": number, "longitude": number})
TOOL_CONFIG = Message(
    "ToolConfig",
    {
        "functionCallingConfig": Message(
            "FunctionCallingConfig",
            {
                "mode": enum("FunctionCallingConfig.Mode", ("MODE_UNSPECIFIED", "AUTO", "ANY", "NONE", "VALIDATED")),
                "allowedFunctionNames": Many(string),
            },
        ),
        "retrievalConfig": Message("RetrievalConfig", {"latLng": _LOCATION, "languageCode": string}),
        "includeServerSideToolInvocations": boolean,
    },
)
