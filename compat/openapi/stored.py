"""The words of the API document for stored responses and conversations."""

from typing import Any

from compat import errors
from compat.openapi.operation import BODY, DOOR, Operation, paged
from compat.schemas import response_answers
from compat.schemas.conversations import ConversationRequest, ConversationUpdate, ItemsRequest
from compat.translation.responses.request import INCLUDABLE

_RESPONSE_ID: dict[str, Any] = {
    "name": "response_id",
    "in": "path",
    "required": True,
    "schema": {"type": "string"},
    "example": "resp_0123456789abcdef0123456789abcdef",
}

_INCLUDE: dict[str, Any] = {
    "name": "include[]",
    "in": "query",
    "required": False,
    "description": "One of these, or several. What was included when the response was made is told anyway; no more is kept.",
    "schema": {"type": "array", "items": {"type": "string", "enum": sorted(INCLUDABLE)}},
}
_CONVERSATION_ID: dict[str, Any] = {
    "name": "conversation_id",
    "in": "path",
    "required": True,
    "schema": {"type": "string"},
    "example": "conv_0123456789abcdef0123456789abcdef",
}
_ITEM_ID: dict[str, Any] = {
    "name": "item_id",
    "in": "path",
    "required": True,
    "schema": {"type": "string"},
    "example": "msg_0123456789abcdef0123456789abcdef0000",
}

STORED: dict[tuple[str, str], Operation] = {
    ("/responses/{response_id}", "GET"): Operation(
        name="retrieveResponse",
        group="Responses",
        summary="Read a stored response",
        description="The response as it was answered, or where it stands. Only its owner finds it. One that was made in the "
        "background as a stream can be streamed again, from any event on.",
        answer=response_answers.Response,
        event=response_answers.ResponseEvent,
        errors=(*DOOR, errors.NotFound, errors.InvalidRequest),
        parameters=(
            _RESPONSE_ID,
            _INCLUDE,
            {
                "name": "stream",
                "in": "query",
                "required": False,
                "description": "Its events in place of itself.",
                "schema": {"type": "boolean"},
            },
            {
                "name": "starting_after",
                "in": "query",
                "required": False,
                "description": "Only the events behind the one of this `sequence_number`.",
                "schema": {"type": "integer", "minimum": 0},
            },
        ),
    ),
    ("/responses/{response_id}/cancel", "POST"): Operation(
        name="cancelResponse",
        group="Responses",
        summary="Cancel a response",
        description="End one that is made in the background; one that has ended is told as it is.",
        answer=response_answers.Response,
        errors=(*DOOR, errors.NotFound, errors.InvalidRequest),
        parameters=(_RESPONSE_ID,),
    ),
    ("/responses/{response_id}", "DELETE"): Operation(
        name="deleteResponse",
        group="Responses",
        summary="Delete a stored response",
        description="Delete it for good, with its input.",
        answer=response_answers.DeletedResponse,
        errors=(*DOOR, errors.NotFound),
        parameters=(_RESPONSE_ID,),
    ),
    ("/responses/{response_id}/input_items", "GET"): Operation(
        name="listResponseInputItems",
        group="Responses",
        summary="List what a response answered",
        description="The items of its request, behind those of the responses that it goes on from.",
        answer=response_answers.ItemList,
        errors=(*DOOR, errors.NotFound, errors.InvalidRequest),
        parameters=(_RESPONSE_ID, _INCLUDE, *paged(20, 100)),
    ),
    ("/conversations", "POST"): Operation(
        name="createConversation",
        group="Conversations",
        summary="Begin a conversation",
        description="Requests to `/responses` that name it go on from its items, and add theirs. It is kept, sealed, for 30 days "
        "after its last use.",
        request=ConversationRequest,
        example={"metadata": {"topic": "demo"}, "items": [{"role": "user", "content": "Hello!"}]},
        answer=response_answers.Conversation,
        errors=(*DOOR, *BODY),
    ),
    ("/conversations/{conversation_id}", "GET"): Operation(
        name="retrieveConversation",
        group="Conversations",
        summary="See a conversation",
        description="What is known of it, without its items.",
        answer=response_answers.Conversation,
        errors=(*DOOR, errors.NotFound),
        parameters=(_CONVERSATION_ID,),
    ),
    ("/conversations/{conversation_id}", "POST"): Operation(
        name="updateConversation",
        group="Conversations",
        summary="Change the metadata of a conversation",
        description="The new ones take the place of all that it had.",
        request=ConversationUpdate,
        example={"metadata": {"topic": "another"}},
        answer=response_answers.Conversation,
        errors=(*DOOR, *BODY, errors.NotFound),
        parameters=(_CONVERSATION_ID,),
    ),
    ("/conversations/{conversation_id}", "DELETE"): Operation(
        name="deleteConversation",
        group="Conversations",
        summary="Delete a conversation",
        description="It is gone at once, with its items. Stored responses of it stay.",
        answer=response_answers.DeletedConversation,
        errors=(*DOOR, errors.NotFound),
        parameters=(_CONVERSATION_ID,),
    ),
    ("/conversations/{conversation_id}/items", "GET"): Operation(
        name="listConversationItems",
        group="Conversations",
        summary="List the items of a conversation",
        description="In pages.",
        answer=response_answers.ItemList,
        errors=(*DOOR, errors.NotFound, errors.InvalidRequest),
        parameters=(_CONVERSATION_ID, *paged(20, 100)),
    ),
    ("/conversations/{conversation_id}/items", "POST"): Operation(
        name="createConversationItems",
        group="Conversations",
        summary="Add items to a conversation",
        description="At its end. One whose id is there already is not added again.",
        request=ItemsRequest,
        example={"items": [{"role": "user", "content": "Hello!"}]},
        answer=response_answers.ItemList,
        errors=(*DOOR, *BODY, errors.NotFound),
        parameters=(_CONVERSATION_ID,),
    ),
    ("/conversations/{conversation_id}/items/{item_id}", "GET"): Operation(
        name="retrieveConversationItem",
        group="Conversations",
        summary="See one item of a conversation",
        description="The item as it was given or answered.",
        answer=response_answers.Item,
        errors=(*DOOR, errors.NotFound),
        parameters=(_CONVERSATION_ID, _ITEM_ID),
    ),
    ("/conversations/{conversation_id}/items/{item_id}", "DELETE"): Operation(
        name="deleteConversationItem",
        group="Conversations",
        summary="Delete one item of a conversation",
        description="The conversation is told, without its items.",
        answer=response_answers.Conversation,
        errors=(*DOOR, errors.NotFound),
        parameters=(_CONVERSATION_ID, _ITEM_ID),
    ),
}
