"""The endpoints, one short class each."""

from compat.views.batches import BatchCancel, Batches, OneBatch
from compat.views.chat import ChatCompletions
from compat.views.completions import Completions
from compat.views.contributions import Contributions
from compat.views.conversations import ConversationItems, Conversations, OneConversation, OneConversationItem
from compat.views.embeddings import Embeddings
from compat.views.files import FileContent, Files, OneFile
from compat.views.gemini import (
    BatchEmbedContents,
    CountTokens,
    EmbedContent,
    GeminiModels,
    GenerateContent,
    OneGeminiModel,
    StreamGenerateContent,
)
from compat.views.gemini_files import GeminiFiles, GeminiUploads, OneGeminiFile
from compat.views.image_files import ImageFile
from compat.views.images import ImageEdits, ImageGenerations, ImageVariations
from compat.views.messages import Messages, MessageTokens
from compat.views.models import Models, OneModel
from compat.views.moderations import Moderations
from compat.views.responses import ResponseInputTokens, Responses
from compat.views.speech import Speech
from compat.views.stored_responses import CancelResponse, OneResponse, ResponseInputItems
from compat.views.transcriptions import SpokenTranslations, Transcriptions
from compat.views.unknown import UnknownGeminiPath, UnknownPath
from compat.views.uploads import CancelUpload, CompleteUpload, UploadParts, Uploads
from compat.views.usage import OwnUsage

__all__ = [
    "BatchCancel",
    "BatchEmbedContents",
    "Batches",
    "CancelResponse",
    "CancelUpload",
    "ChatCompletions",
    "CompleteUpload",
    "Completions",
    "Contributions",
    "ConversationItems",
    "Conversations",
    "CountTokens",
    "EmbedContent",
    "Embeddings",
    "FileContent",
    "Files",
    "GeminiFiles",
    "GeminiModels",
    "GeminiUploads",
    "GenerateContent",
    "ImageEdits",
    "ImageFile",
    "ImageGenerations",
    "ImageVariations",
    "MessageTokens",
    "Messages",
    "Models",
    "Moderations",
    "OneBatch",
    "OneConversation",
    "OneConversationItem",
    "OneFile",
    "OneGeminiFile",
    "OneGeminiModel",
    "OneModel",
    "OneResponse",
    "OwnUsage",
    "ResponseInputItems",
    "ResponseInputTokens",
    "Responses",
    "Speech",
    "SpokenTranslations",
    "StreamGenerateContent",
    "Transcriptions",
    "UnknownGeminiPath",
    "UnknownPath",
    "UploadParts",
    "Uploads",
]
