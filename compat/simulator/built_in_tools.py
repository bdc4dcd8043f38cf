"""What Google's own tools leave in an answer: search, URLs read, code run (Gemini API reference, 2.2 and 4.4)."""

import re

from compat.simulator.wire import JsonObject

TOKENS = 64
_URL = re.compile(r"https?://[^\s<>\"']+")


def code_run(call_id: str | None) -> list[JsonObject]:
    """The two parts of one run of code."""
    code: JsonObject = {"language": "PYTHON", "code": "print(6 * 7)\n"}
    result: JsonObject = {"outcome": "OUTCOME_OK", "output": "42\n"}
    if call_id is not None:
        code["id"] = result["id"] = call_id
    return [{"executableCode": code}, {"codeExecutionResult": result}]


def search_metadata(query: str, text: str) -> JsonObject:
    """The groundingMetadata of a searched answer; offsets are bytes of UTF-8 and a start of 0 is left out."""
    site = "https://vertexaisearch.cloud.google.com/grounding-api-redirect/simulated-1"
    return {
        "searchEntryPoint": {"renderedContent": '<div class="container"><a class="chip">simulated</a></div>'},
        "groundingChunks": [{"web": {"uri": site, "title": "example.com"}}],
        "groundingSupports": [
            {"segment": {"endIndex": len(text.encode()), "text": text}, "groundingChunkIndices": [0]}
        ],
        "webSearchQueries": [query[:100]],
    }


def url_metadata(text: str) -> JsonObject:
    """The urlContextMetadata for the addresses named in the text."""
    return {
        "urlMetadata": [
            {"retrievedUrl": url, "urlRetrievalStatus": "URL_RETRIEVAL_STATUS_SUCCESS"} for url in _URL.findall(text)
        ]
    }
