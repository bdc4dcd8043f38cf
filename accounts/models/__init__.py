"""The tables of this app, a module a subject."""

from accounts.models.acts import StaffAct
from accounts.models.batches import Batch, BatchResult
from accounts.models.files import FilePart, FileUpload, StoredFile
from accounts.models.images import KeptImage
from accounts.models.invitations import Invitation
from accounts.models.keys import ContributedKey, KeyCooldown, KeyDay
from accounts.models.limits import LIMIT_FIELDS, Limits
from accounts.models.prices import ModelPrice
from accounts.models.projects import Overrun, ProjectPair
from accounts.models.quotas import KeyEvent, LearnedQuota, LedgerState, TierQuota
from accounts.models.receipts import Receipt, ReceiptKey, RedeemedKey
from accounts.models.stored import Conversation, ConversationItem, StoredResponse
from accounts.models.tasks import KeyTask
from accounts.models.tokens import IssuedToken
from accounts.models.usage import UsageHour, UsageRecord, UsageTotal
from accounts.models.users import Plan, User

__all__ = [
    "LIMIT_FIELDS",
    "Batch",
    "BatchResult",
    "ContributedKey",
    "Conversation",
    "ConversationItem",
    "FilePart",
    "FileUpload",
    "Invitation",
    "IssuedToken",
    "KeptImage",
    "KeyCooldown",
    "KeyDay",
    "KeyEvent",
    "KeyTask",
    "LearnedQuota",
    "LedgerState",
    "Limits",
    "ModelPrice",
    "Overrun",
    "Plan",
    "ProjectPair",
    "Receipt",
    "ReceiptKey",
    "RedeemedKey",
    "StaffAct",
    "StoredFile",
    "StoredResponse",
    "TierQuota",
    "UsageHour",
    "UsageRecord",
    "UsageTotal",
    "User",
]
