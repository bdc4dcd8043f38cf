"""Stored responses, made without asking for them."""

import json

from django.utils import timezone

from accounts.models import StoredResponse
from accounts.sealing import seal_bytes
from accounts.stored import conversations

PROMPT = "a prompt that nobody else may read"


def store_response(user, response_id, *, created=None, previous=None, items=1):
    """A stored response of the user's, one turn long."""
    said = {
        "type": "message",
        "role": "assistant",
        "content": [{"type": "output_text", "text": "Yes.", "annotations": []}],
    }
    response = {
        "id": response_id,
        "object": "response",
        "status": "completed",
        "background": True,
        "output": [{"id": f"msg_{response_id}", "status": "completed", **said}],
    }
    given = [
        {
            "id": f"in_{response_id}_{n}",
            "type": "message",
            "role": "user",
            "content": [{"type": "input_text", "text": PROMPT}],
        }
        for n in range(items)
    ]
    content = json.dumps({"response": response, "input": given}).encode()
    return StoredResponse.objects.create(
        id=response_id,
        user=user,
        created=created or timezone.now(),
        previous=previous.pk if previous else "",
        root=previous.root if previous else response_id,
        status="completed",
        size=len(content),
        sealed=seal_bytes(response_id, content),
    )


def store_conversation(user, conversation_id, item_id="msg_1"):
    """A conversation of the user's with one item."""
    said = {"id": item_id, "type": "message", "role": "user", "status": "completed"}
    content = [{"type": "input_text", "text": PROMPT}]
    item = json.dumps({"item": {**said, "content": content}}).encode()
    return conversations._create(user.pk, conversation_id, b"{}", [(item_id, item)])
