"""Input items → the messages of a chat. Calls of one turn become one assistant message, as chat has them."""

from collections.abc import Callable, Iterable, Mapping, Sequence

import msgspec

from compat.schemas.chat import (
    AssistantMessage,
    CalledCustom,
    CalledFunction,
    CodeMessage,
    Content,
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
from compat.schemas.responses import (
    ITEMS,
    CallOutputItem,
    CodeCallItem,
    CustomCallItem,
    FunctionCallItem,
    ImageCallItem,
    InputFilePart,
    InputImagePart,
    Kind,
    MessageItem,
    ReasoningItem,
    ResponseContent,
    ResponsePart,
)
from compat.translation.content import DRAWN_BEFORE
from compat.translation.decoding import decode_part
from compat.translation.refusals import Untranslatable
from compat.translation.responses.namespaces import joined
from compat.translation.signatures import to_extra_content

Item = MessageItem | FunctionCallItem | CustomCallItem | CallOutputItem | ReasoningItem | ImageCallItem | CodeCallItem
Place = int | str
"""Where an item came from: its place in the input, or the member that stands for what came before."""
Unseal = Callable[[str], dict[str, str]]
"""encrypted_content → the thought signatures in it, by call id; {} for what was not sealed here for this caller."""

# How the base64 of png, jpeg and webp begins; what else a client keeps in their place is left out.
_IMAGES = ("iVBORw0KGgo", "/9j/", "UklGR")

_kind = msgspec.json.Decoder(Kind)
_items = {name: msgspec.json.Decoder(item) for name, item in ITEMS.items()}


def to_items(given: str | Sequence[msgspec.Raw], member: str = "input") -> list[tuple[int, Item]]:
    """(place in the input, item) of every item that means something here; the rest is left out. Raises Untranslatable."""
    if isinstance(given, str):
        return [(0, MessageItem("user", given))]
    found: list[tuple[int, Item]] = []
    for place, raw in enumerate(given):
        path = f"{member}[{place}]"
        decoder = _items.get(decode_part(raw, _kind, path).type or "message")
        if decoder is not None:
            found.append((place, decode_part(raw, decoder, path)))  # type: ignore[arg-type]
    return found


class Conversation:
    """The messages that items amount to, and for each of them the place of the item that it begins with."""

    def __init__(self, items: Iterable[tuple[Place, Item]], unseal: Unseal, signatures: Mapping[str, str]) -> None:
        self.messages: list[Message] = []
        self.places: list[Place | None] = []
        self._signatures = dict(signatures)
        self._unseal = unseal
        for place, item in items:
            self._take(place, item)

    def _take(self, place: Place, item: Item) -> None:
        match item:
            case ReasoningItem():
                self._signatures |= self._unseal(item.encrypted_content) if item.encrypted_content else {}
            case ImageCallItem():
                if item.result and item.result.startswith(_IMAGES):
                    image = ImagePart(ImageUrl(f"data:image/png;base64,{item.result}"))
                    self._add(place, UserMessage([TextPart(DRAWN_BEFORE), image]))
            case CodeCallItem():
                if item.code and item.status != "incomplete":
                    self._add(place, _to_run(item, item.code))
            case MessageItem():
                self._hear(place, item, _to_content(item.content, _path(place, "content")))
            case CallOutputItem():
                self._add(place, ToolMessage(_to_content(item.output, _path(place, "output")), item.call_id))
            case _:
                message = self._assistant(place)
                call = _to_call(item, self._signatures.get(item.call_id))
                message.tool_calls = [*(message.tool_calls or ()), call]

    def _hear(self, place: Place, item: MessageItem, content: Content) -> None:
        if item.role == "user":
            self._add(place, UserMessage(content))
        elif item.role != "assistant":
            self._add(place, DeveloperMessage(content))
        else:
            message = self._assistant(place)
            # Text that follows a call is of the same turn.
            said = message.content
            message.content = content if said is None else [*_as_parts(said), *_as_parts(content)]

    def _assistant(self, place: Place) -> AssistantMessage:
        """The assistant's message that is being said, else a new one."""
        last = self.messages[-1] if self.messages else None
        if isinstance(last, AssistantMessage) and not isinstance(last, CodeMessage):
            return last
        message = AssistantMessage()
        self._add(place, message)
        return message

    def _add(self, place: Place, message: Message) -> None:
        self.messages.append(message)
        self.places.append(place)


def _path(place: Place, member: str) -> str:
    return place if isinstance(place, str) else f"input[{place}].{member}"


def _as_parts(content: Content) -> list[ContentPart]:
    return [TextPart(content)] if isinstance(content, str) else content


def _to_call(item: FunctionCallItem | CustomCallItem, signature: str | None) -> ToolCall:
    extra = to_extra_content(signature) if signature else None
    name = joined(item.namespace, item.name)
    if isinstance(item, CustomCallItem):
        return ToolCall(item.call_id, "custom", custom=CalledCustom(name, item.input), extra_content=extra)
    return ToolCall(item.call_id, function=CalledFunction(name, item.arguments), extra_content=extra)


def _to_run(item: CodeCallItem, code: str) -> CodeMessage:
    """What it printed is known only where the client asked for it; its pictures are left out."""
    printed = "".join(output.logs for output in item.outputs or ())
    outcome = "OUTCOME_FAILED" if item.status == "failed" else "OUTCOME_OK"
    return CodeMessage([TextPart(code), TextPart(printed)], outcome=outcome)


def _to_content(content: ResponseContent, path: str) -> Content:
    if isinstance(content, str):
        return content
    return [_to_part(part, f"{path}[{place}]") for place, part in enumerate(content)]


def _to_part(part: ResponsePart, path: str) -> ContentPart:
    if isinstance(part, InputImagePart):
        if part.image_url:
            return ImagePart(ImageUrl(part.image_url, part.detail))
        if part.file_id:
            return FilePart(InputFile(file_id=part.file_id))
        raise Untranslatable("Send the image in image_url, or name a file of yours in file_id.", f"{path}.image_url")
    if isinstance(part, InputFilePart):
        return FilePart(InputFile(part.file_data or part.file_url, part.filename, part.file_id))
    return part
