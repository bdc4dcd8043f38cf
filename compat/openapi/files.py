"""The words of the API document for files and batches."""

from typing import Any

from compat import errors
from compat.openapi.operation import BODY, DOOR, FORM, Operation, paged
from compat.schemas import batches, file_answers
from compat.schemas.files import FileForm

_FILE_ID: dict[str, Any] = {
    "name": "file_id",
    "in": "path",
    "required": True,
    "schema": {"type": "string"},
    "example": "file-0123456789abcdef01234567",
}
_BATCH_ID = {**_FILE_ID, "name": "batch_id", "example": "batch_0123456789abcdef01234567"}


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
    ("/batches", "POST"): Operation(
        name="createBatch",
        group="Batches",
        summary="Have requests answered within a day",
        description="The requests of a file, one a line, are answered while the pool has something to spare. They count to the "
        "same limits and budgets as all others, and are told by their `custom_id` in the output file, or in the file of errors.",
        request=batches.BatchRequest,
        example={
            "input_file_id": "file-0123456789abcdef01234567",
            "endpoint": "/v1/chat/completions",
            "completion_window": "24h",
        },
        answer=batches.Batch,
        errors=(*DOOR, *BODY, errors.NotFound),
    ),
    ("/batches", "GET"): Operation(
        name="listBatches",
        group="Batches",
        summary="List your batches",
        description="The batches of the token's user, in pages.",
        answer=batches.BatchList,
        errors=(*DOOR, errors.InvalidRequest),
        parameters=paged(20, 100),
    ),
    ("/batches/{batch_id}", "GET"): Operation(
        name="retrieveBatch",
        group="Batches",
        summary="See how far a batch is",
        description="Its status, its counts, and its files once it has ended.",
        answer=batches.Batch,
        errors=(*DOOR, errors.NotFound),
        parameters=(_BATCH_ID,),
    ),
    ("/batches/{batch_id}/cancel", "POST"): Operation(
        name="cancelBatch",
        group="Batches",
        summary="Stop a batch",
        description="What was answered by then is in its output file.",
        answer=batches.Batch,
        errors=(*DOOR, errors.InvalidRequest, errors.NotFound),
        parameters=(_BATCH_ID,),
    ),
}
