"""The doors there are: what door.py says holds for each."""

from tests.doors.counts import CountTokens, MessageTokens, ResponseInputTokens
from tests.doors.door import Door
from tests.doors.gemini import Embed, Generate
from tests.doors.images import ImageEdits, ImageGenerations, ImageVariations
from tests.doors.messages import Messages
from tests.doors.openai_doors import Chat, Completions, Embeddings
from tests.doors.responses import Responses
from tests.doors.sound import Moderations, Speech, Transcriptions, Translations

DOORS: tuple[Door, ...] = (
    Chat(),
    Completions(),
    Responses(),
    Messages(),
    Embeddings(),
    ImageGenerations(),
    ImageEdits(),
    ImageVariations(),
    Speech(),
    Transcriptions(),
    Translations(),
    Moderations(),
    Generate(),
    Embed(),
    CountTokens(),
    MessageTokens(),
    ResponseInputTokens(),
)
