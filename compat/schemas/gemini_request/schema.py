"""The protobuf Schema of responseSchema and parameters: a part of OpenAPI 3.0 (Gemini API reference, section 3)."""

from compat.schemas.gemini_request.shape import (
    Many,
    MapOf,
    Message,
    anything,
    boolean,
    enum,
    int64,
    number,
    string,
)

SCHEMA = Message("Schema", {})
SCHEMA.define(
    {
        "type": enum(
            "Type",
            ("TYPE_UNSPECIFIED", "STRING", "NUMBER", "INTEGER", "BOOLEAN", "ARRAY", "OBJECT", "NULL"),
            any_case=True,
        ),
        "format": string,
        "title": string,
        "description": string,
        "nullable": boolean,
        "enum": Many(string),
        "items": SCHEMA,
        "minItems": int64,
        "maxItems": int64,
        "properties": MapOf(SCHEMA),
        "required": Many(string),
        "propertyOrdering": Many(string),
        "minProperties": int64,
        "maxProperties": int64,
        "minimum": number,
        "maximum": number,
        "minLength": int64,
        "maxLength": int64,
        "pattern": string,
        "example": anything,
        "anyOf": Many(SCHEMA),
        "default": anything,
    }
)
