"""The words of the API document for files and batches."""

from typing import Any

from compat import errors
from compat.openapi.operation import BODY, DOOR, FORM, Operation, paged
from compat.schemas import batches, file_answers
from compat.schemas.files import FileForm, PartForm, UploadComplete, UploadRequest

_FILE_ID: dict[str, Any] = {
    "name": "file_id",
    "in": "path",
    "required": True,
    "schema": {"type": "string"},
    "example": "file-0123456789abcdef01234567",
}
_UPLOAD_ID = {**_FILE_ID, "name": "upload_id", "example": "upload_0123456789abcdef0123456789abcdef"}
_BATCH_ID = {**_FILE_ID, "name": "batch_id", "example": "batch_0123456789abcdef01234567"}


FILES: dict[tuple[str, str], Operation] = {
    ("/files", "POST"): Operation(
        name="createFile",
        group="Files",
        summary="Leave a file here",
        description="The requests of a batch, one JSON object a line (`batch`), or a document that conversations name by its "
        "`file_id`. It is kept encrypted, for its owner alone, and erased when its time is over. With the header "
        "`anthropic-version` the routes of files speak as Anthropic's API does, with `x-goog-api-key` as Gemini's.",
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
    ("/uploads", "POST"): Operation(
        name="createUpload",
        group="Files",
        summary="Begin a file that comes in parts",
        description="For files that are larger than one request. Room for its bytes is kept for an hour.",
        request=UploadRequest,
        example={"bytes": 40_000_000, "filename": "report.pdf", "mime_type": "application/pdf", "purpose": "user_data"},
        answer=file_answers.FileUpload,
        errors=(*DOOR, *BODY),
    ),
    ("/uploads/{upload_id}/parts", "POST"): Operation(
        name="addUploadPart",
        group="Files",
        summary="Send a part of a file",
        description="Parts may come in any order, and several at once; each is as large as a request at most.",
        request=PartForm,
        takes=FORM,
        example={"data": "@part-1"},
        answer=file_answers.FileUploadPart,
        errors=(*DOOR, *BODY, errors.NotFound),
        parameters=(_UPLOAD_ID,),
    ),
    ("/uploads/{upload_id}/complete", "POST"): Operation(
        name="completeUpload",
        group="Files",
        summary="Make a file of its parts",
        description="In the order in which they are named; together they must have the bytes that were told at the beginning.",
        request=UploadComplete,
        example={"part_ids": ["part_0123456789abcdef0123456789abcdef_1"]},
        answer=file_answers.FileUpload,
        errors=(*DOOR, *BODY, errors.NotFound),
        parameters=(_UPLOAD_ID,),
    ),
    ("/uploads/{upload_id}/cancel", "POST"): Operation(
        name="cancelUpload",
        group="Files",
        summary="Give a file up that comes in parts",
        description="What has come of it is erased.",
        answer=file_answers.FileUpload,
        errors=(*DOOR, errors.NotFound),
        parameters=(_UPLOAD_ID,),
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
