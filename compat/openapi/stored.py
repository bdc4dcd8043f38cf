"""The words of the API document for stored responses."""

from typing import Any

from compat import errors
from compat.openapi.operation import DOOR, Operation, paged
from compat.schemas import response_answers

_RESPONSE_ID: dict[str, Any] = {
    "name": "response_id",
    "in": "path",
    "required": True,
    "schema": {"type": "string"},
    "example": "resp_0123456789abcdef0123456789abcdef",
}

STORED: dict[tuple[str, str], Operation] = {
    ("/responses/{response_id}", "GET"): Operation(
        name="retrieveResponse",
        group="Responses",
        summary="Read a stored response",
        description="The response as it was answered. Only its owner finds it.",
        answer=response_answers.Response,
        errors=(*DOOR, errors.NotFound),
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
        parameters=(_RESPONSE_ID, *paged(20, 100)),
    ),
}
