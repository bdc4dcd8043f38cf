"""The words of the API document for files and batches."""

from typing import Any

from compat import errors
from compat.openapi.operation import BODY, DOOR, FORM, Operation, paged
from compat.schemas import file_answers
from compat.schemas.files import FileForm

_FILE_ID: dict[str, Any] = {
    "name": "file_id",
    "in": "path",
    "required": True,
    "schema": {"type": "string"},
    "example": "file-0123456789abcdef01234567",
}


FILES: dict[tuple[str, str], Operation] = {
    ("/files", "POST"): Operation(
        name="createFile",
        group="Files",
        summary="Leave a file here",
        description="The requests of a batch, one JSON object a line (`batch`), or a document that conversations name by its "
        "`file_id`. It is kept encrypted, for its owner alone, and erased when its time is over.",
        request=FileForm,
        takes=FORM,
        example={"purpose": "batch", "file": "@requests.jsonl"},
        answer=file_answers.File,
        errors=(*DOOR, *BODY),
    ),
    ("/files", "GET"): Operation(
        name="listFiles",
        group="Files",
        summary="List your files",
        description="The files of the token's user, in pages.",
        answer=file_answers.FileList,
        errors=(*DOOR, errors.InvalidRequest),
        parameters=(
            *paged(1_000, 10_000),
            {
                "name": "purpose",
                "in": "query",
                "required": False,
                "description": "Those for this alone.",
                "schema": {"type": "string"},
            },
        ),
    ),
    ("/files/{file_id}", "GET"): Operation(
        name="retrieveFile",
        group="Files",
        summary="See one file",
        description="What is known of a file of yours.",
        answer=file_answers.File,
        errors=(*DOOR, errors.NotFound),
        parameters=(_FILE_ID,),
    ),
    ("/files/{file_id}", "DELETE"): Operation(
        name="deleteFile",
        group="Files",
        summary="Erase a file",
        description="It is gone at once. A batch that reads it fails.",
        answer=file_answers.FileDeleted,
        errors=(*DOOR, errors.NotFound),
        parameters=(_FILE_ID,),
    ),
    ("/files/{file_id}/content", "GET"): Operation(
        name="downloadFile",
        group="Files",
        summary="Read a file",
        description="The bytes as they came; of a batch its results, one JSON object a line.",
        answer=bytes,
        gives="application/octet-stream",
        errors=(*DOOR, errors.NotFound),
        parameters=(_FILE_ID,),
    ),
}
