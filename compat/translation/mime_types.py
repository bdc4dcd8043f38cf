"""The media types that Gemini takes, and the names under which clients send them (Gemini API, inlineData, fileData).

A table of our own: Python's depends on the files of the machine it runs on.
"""

_BY_EXTENSION = {
    "image/png": "png",
    "image/jpeg": "jpg jpeg",
    "image/webp": "webp",
    "image/heic": "heic",
    "image/heif": "heif",
    "application/pdf": "pdf",
    "text/plain": "txt text log json jsonl yaml yml toml ini tex py js ts java c h cpp cs go rs rb php sh sql",
    "text/markdown": "md markdown",
    "text/html": "html htm",
    "text/css": "css",
    "text/csv": "csv",
    "text/xml": "xml",
    "text/rtf": "rtf",
    "audio/wav": "wav",
    "audio/mp3": "mp3",
    "audio/aac": "aac",
    "audio/ogg": "ogg oga opus",
    "audio/flac": "flac",
    "audio/aiff": "aiff aif",
    "video/mp4": "mp4 m4v",
    "video/mpeg": "mpeg mpg",
    "video/quicktime": "mov",
    "video/webm": "webm",
    "video/avi": "avi",
    "video/x-flv": "flv",
    "video/wmv": "wmv",
    "video/3gpp": "3gp",
}
_TYPE_OF = {extension: kind for kind, names in _BY_EXTENSION.items() for extension in names.split()}
_OTHER_NAMES = {
    "image/jpg": "image/jpeg",
    "audio/mpeg": "audio/mp3",
    "audio/x-wav": "audio/wav",
    "audio/wave": "audio/wav",
    "audio/opus": "audio/ogg",
    "audio/x-aiff": "audio/aiff",
    "audio/x-flac": "audio/flac",
    "video/mov": "video/quicktime",
    "video/x-msvideo": "video/avi",
    "video/x-ms-wmv": "video/wmv",
    "application/json": "text/plain",
    "application/xml": "text/xml",
    "application/rtf": "text/rtf",
    "application/yaml": "text/plain",
    "application/x-yaml": "text/plain",
    "application/javascript": "text/plain",
}


def bare_type(mime_type: str) -> str:
    """In lower case, without parameters."""
    return mime_type.partition(";")[0].strip().lower()


def type_of_name(name: str) -> str | None:
    """The media type that the extension of a file name or path tells, or an extension alone."""
    return _TYPE_OF.get(name.rpartition(".")[2].lower())


def type_of_file(declared: str, name: str) -> str:
    """The media type of a file, as its owner says or as its name tells."""
    return declared or type_of_name(name) or "application/octet-stream"


def to_gemini_type(mime_type: str) -> str | None:
    """Gemini's name for a media type; None for one that it does not take. Every other text is a plain one."""
    mime_type = _OTHER_NAMES.get(mime_type, mime_type)
    if mime_type in _BY_EXTENSION:
        return mime_type
    return "text/plain" if mime_type.startswith("text/") else None
