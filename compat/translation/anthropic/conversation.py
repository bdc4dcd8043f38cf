"""Anthropic's messages → chat's: results of tools become messages of their own, calls come out of the content."""

from collections.abc import Callable, Iterable
from typing import Any

import msgspec

from compat.schemas.anthropic import (
    BLOCKS,
    DocumentBlock,
    ImageBlock,
    InputMessage,
    Kind,
    Source,
    TextBlock,
    ThinkingBlock,
    ToolResultBlock,
    ToolUseBlock,
)
from compat.schemas.chat import (
    AssistantMessage,
    CalledFunction,
    ContentPart,
    DeveloperMessage,
    FilePart,
    ImagePart,
    ImageUrl,
    InputFile,
    Message,
    TextPart,
    ToolCall,
    ToolMessage,
    UserMessage,
)
from compat.translation.decoding import decode_part
from compat.translation.refusals import Untranslatable
from compat.translation.signatures import to_extra_content

Block = TextBlock | ImageBlock | DocumentBlock | ThinkingBlock | ToolUseBlock | ToolResultBlock
Unseal = Callable[[str], dict[str, str]]
"""A thinking block's signature → the thought signatures in it, by call id; {} for what was not sealed here."""

_kind = msgspec.json.Decoder(Kind)
_blocks = {name: msgspec.json.Decoder(block) for name, block in BLOCKS.items()}
_FAILED = "The tool failed: "


class Conversation:
    """The messages of a conversation, as chat has them. Raises Untranslatable."""

    def __init__(self, given: Iterable[InputMessage], unseal: Unseal) -> None:
        self.messages: list[Message] = []
        self.places: list[int | None] = []
        """For each message the place of the one that it came from."""
        self._unseal = unseal
        for place, message in enumerate(given):
            path = f"messages[{place}].content"
            if message.role == "assistant":
                self._assistant(message.content, path)
            elif message.role == "system":
                self.messages.append(DeveloperMessage(_parts(message.content, path)))
            else:
                self._user(message.content, path)
            self.places += [place] * (len(self.messages) - len(self.places))

    def _user(self, content: str | list[msgspec.Raw], path: str) -> None:
        """Results first, then what the user says beside them."""
        said: list[ContentPart] = []
        for at, block in _read(content, path):
            if isinstance(block, ToolResultBlock):
                self.messages.append(ToolMessage(_result(block, at), block.tool_use_id))
            else:
                said += _to_parts(block, at)
        if said or not content:
            self.messages.append(UserMessage(said))

    def _assistant(self, content: str | list[msgspec.Raw], path: str) -> None:
        message = AssistantMessage(content=[])
        signatures: dict[str, str] = {}
        said: list[ContentPart] = []
        calls: list[ToolCall] = []
        for at, block in _read(content, path):
            if isinstance(block, ThinkingBlock):
                signatures |= self._unseal(block.signature) if block.signature else {}
            elif isinstance(block, ToolUseBlock):
                signature = signatures.get(block.id)
                extra = to_extra_content(signature) if signature else None
                calls.append(ToolCall(block.id, function=CalledFunction(block.name, block.input), extra_content=extra))
            else:
                said += _to_parts(block, at)
        message.content, message.tool_calls = said, calls or None
        self.messages.append(message)


def _read(content: str | list[msgspec.Raw], path: str) -> list[tuple[str, Block]]:
    """(path, block) of each block that means something here."""
    if isinstance(content, str):
        return [(path, TextBlock(content))]
    found: list[tuple[str, Any]] = []
    for place, raw in enumerate(content):
        at = f"{path}[{place}]"
        decoder = _blocks.get(decode_part(raw, _kind, at).type)
        if decoder is not None:
            found.append((at, decode_part(raw, decoder, at)))
    return found


def _parts(content: str | list[msgspec.Raw], path: str) -> list[ContentPart]:
    return [part for at, block in _read(content, path) for part in _to_parts(block, at)]


def _result(block: ToolResultBlock, path: str) -> list[ContentPart]:
    parts = _parts(block.content or "", f"{path}.content")
    return [TextPart(_FAILED), *parts] if block.is_error else parts


def _to_parts(block: Block, path: str) -> list[ContentPart]:
    if isinstance(block, TextBlock):
        return [TextPart(block.text)]
    if isinstance(block, ImageBlock):
        return [_image(block.source, f"{path}.source")]
    if isinstance(block, DocumentBlock):
        lead = [TextPart(text) for text in (block.title, block.context) if text]
        return [*lead, _document(block.source, f"{path}.source")]
    return []


def _image(source: Source, path: str) -> ContentPart:
    return _stored(source) or ImagePart(ImageUrl(_url(source, path)))


def _document(source: Source, path: str) -> ContentPart:
    if source.type == "text":
        return TextPart(source.data or "")
    return _stored(source) or FilePart(InputFile(_url(source, path)))


def _stored(source: Source) -> FilePart | None:
    """The stored file that is named; None where it is sent along."""
    return FilePart(InputFile(file_id=source.file_id)) if source.type == "file" and source.file_id else None


def _url(source: Source, path: str) -> str:
    if source.type == "base64":
        return f"data:{source.media_type or 'application/octet-stream'};base64,{source.data or ''}"
    if source.type == "url" and source.url:
        return source.url
    raise Untranslatable("Send it as base64, as an https URL, or as the file_id of a file of yours.", path)
