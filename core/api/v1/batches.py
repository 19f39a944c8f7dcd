"""Batches: many images, or zips of images, sent in one request, read in the background and ranked."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, File, Form, Header, HTTPException, Path, Request, Response, UploadFile
from pydantic import BaseModel, Field

from core.api.access import Reader, Triager
from core.api.answers import OperatingPointAnswer, StoredReason
from core.api.problems import problem_responses
from core.api.settings import ApiSettings
from core.api.v1.paging import Page, Paged
from core.language import tr
from core.services.desk import Desk, open_desk
from core.services.triage.api_batches import start_received_batch
from core.services.triage.batch_reading import TriageRequest
from core.services.triage.batches import BatchStatus, get_batch, list_batches, resume_batch, stop_batch
from core.services.worklist.batch_list import ranked_readings
from core.services.worklist.reports import ExportFormat, export_batch
from core.services.worklist.studies import count_bands
from core.services.worklist.verdicts import Verdict
from core.settings import NOTICE, PROJECT_ROOT

router = APIRouter(prefix="/v1/batches", tags=["batches"])
BatchId = Annotated[str, Path(pattern="^[0-9a-f]{12}$", description="The id of a batch.")]
PRINTABLE = r"^[!-~]{1,255}$"
MODEL_NAME = (
    r"^(active|starter|run:[0-9a-f]{1,32}|(ensemble|imported):\w[\w.+-]{0,59}|\w[\w.+-]{0,59}@[1-9][0-9]{0,8})$"
)


class BatchAnswer(BaseModel):
    """How a batch stands."""

    id: str
    title: str
    state: Literal["queued", "starting", "running", "stopping", "completed", "stopped", "failed", "lost"]
    num_done: int
    num_files: int | None = Field(description="Null until the files have been counted.")
    films_per_second: float | None
    seconds_left: float | None
    error: str | None
    counts: dict[str, int] = Field(
        description="Studies read first (`urgent`), next (`review`) and in turn (`routine`); among these, how many "
        "were not analysed: unsuitable images (`rejected`) and file errors (`failed`)."
    )
    model: str
    checkpoint_hash: str
    operating_point: OperatingPointAnswer
    reader: str | None
    created_at: datetime
    finished_at: datetime | None
    notice: str = NOTICE


class VerdictSaid(BaseModel):
    """What a reader said of a file's study."""

    reader: str
    verdict: Verdict
    note: str
    when: datetime


class ReadingAnswer(BaseModel):
    """One file of a batch."""

    id: int
    file: str
    file_hash: str | None
    status: Literal["read", "rejected", "failed"]
    reason_code: str
    reason: str = Field(description="All reasons, in words.")
    reasons: list[StoredReason] = Field(description="Each reason; none for readings that are older than codes.")
    probability: float | None
    finding: Literal["pneumonia", "uncertain", "normal"] | None
    priority: Literal["urgent", "review", "routine"] = Field(
        description="Its place in the reading order by the site's rules: read first, next or in turn. No AI result."
    )
    gate_distance: float | None
    created_at: datetime
    rank: int = Field(
        description="Place of its study on the batch's list, from 1; one file sent under two names shares it."
    )
    study: str = Field(description="What verdicts are given on: an image of a patient.")
    same_image_as: str = Field(description="Other files on the desk with the same image, in words; empty if none.")
    is_lifted: bool = Field(description="Whether it was escalated: read first only because it has waited too long.")
    rules_version: int
    verdicts: list[VerdictSaid]


@router.post("", status_code=202, responses=problem_responses(404, 409, 422, 507))
# One parameter for each field of the form and each header, as FastAPI reads them.
def start(
    files: Annotated[
        list[UploadFile], File(min_length=1, description="Images and zips of images, each with a name of its own.")
    ],
    caller: Triager,
    request: Request,
    response: Response,
    title: Annotated[str, Form(max_length=200)] = "",
    model: Annotated[str, Form(pattern=MODEL_NAME)] = "active",
    operating_point: Annotated[
        str,
        Form(max_length=140, description="NAME or NAME@VERSION of one kept for this model; its own if left out."),
    ] = "",
    idempotency_key: Annotated[
        str | None,
        Header(pattern=PRINTABLE, description="Repeat it when you repeat a request, and nothing is done twice."),
    ] = None,
) -> BatchAnswer:
    """Start a batch over the images sent. The answer is its state; ask for it again at its `Location` until it ends."""
    settings: ApiSettings = request.app.state.settings
    if len(files) > settings.max_batch_files:
        raise HTTPException(
            413,
            tr(
                "More than {max_batch_files} files: send a zip, or several batches.",
                max_batch_files=settings.max_batch_files,
            ),
        )
    desk = open_desk()
    asked = TriageRequest(
        paths=(PROJECT_ROOT,),
        model=model,
        operating_point=operating_point.replace("\0", "").strip(),
        title=title.replace("\0", "").strip() or f"{len(files)} files from {caller.name}",
        reader=caller.name,
    )
    batch_id, is_repeated = start_received_batch(
        desk,
        [(file.filename or "", file.file) for file in files],
        asked,
        sender=caller.key.id if caller.key else "local",
        idempotency_key=idempotency_key,
        most_live=settings.max_live_batches,
    )
    response.headers["Location"] = f"{request.scope['path']}/{batch_id}"
    if is_repeated:
        response.headers["Idempotent-Replayed"] = "true"
    return _one(desk, batch_id)


@router.get("", responses=problem_responses(422))
def show_all(_caller: Reader, paging: Paged) -> Page[BatchAnswer]:
    """List batches, newest first."""
    desk = open_desk()
    return paging.page(lambda limit, offset: _answers(desk, list_batches(desk, limit, offset)))


@router.get("/{batch_id}", responses=problem_responses(404, 422))
def show(batch_id: BatchId, _caller: Reader) -> BatchAnswer:
    """Tell how a batch stands: state, progress, speed, time left, counts."""
    return _one(open_desk(), batch_id)


@router.post("/{batch_id}/stop", status_code=202, responses=problem_responses(404, 422))
def stop(batch_id: BatchId, _caller: Triager) -> BatchAnswer:
    """Ask a batch to stop; what was read is kept. Does nothing to a batch that has ended."""
    return _after(batch_id, stop_batch)


@router.post("/{batch_id}/resume", status_code=202, responses=problem_responses(404, 422))
def resume(batch_id: BatchId, _caller: Triager) -> BatchAnswer:
    """Read on where a stopped, lost or failed batch ended."""
    return _after(batch_id, resume_batch)


@router.get("/{batch_id}/readings", responses=problem_responses(404, 422))
def show_readings(batch_id: BatchId, _caller: Reader, paging: Paged) -> Page[ReadingAnswer]:
    """List what a batch found, in the order of the worklist, with what readers said."""
    return paging.page(lambda limit, offset: ranked_readings(open_desk(), batch_id)[offset : offset + limit])


@router.get(
    "/{batch_id}/worklist.csv",
    response_class=Response,
    responses={200: {"content": {"text/csv": {}}}, **problem_responses(404, 422)},
)
def worklist(batch_id: BatchId, caller: Reader) -> Response:
    """Return the ranked list as command line and dashboard write it; the audit log keeps that it was taken."""
    content = export_batch(open_desk(), batch_id, ExportFormat.CSV, caller.name)
    named = {"Content-Disposition": f'attachment; filename="{batch_id}.csv"'}
    return Response(content, media_type="text/csv; charset=utf-8", headers=named)


def _after(batch_id: str, act: Any) -> BatchAnswer:
    desk = open_desk()
    get_batch(desk, batch_id)
    act(desk, batch_id)
    return _one(desk, batch_id)


def _one(desk: Desk, batch_id: str) -> BatchAnswer:
    (answer,) = _answers(desk, [get_batch(desk, batch_id)])
    return answer


def _answers(desk: Desk, batches: Sequence[BatchStatus]) -> list[BatchAnswer]:
    counts = count_bands(desk, [batch.id for batch in batches])
    answers = []
    for batch in batches:
        fields = {name: getattr(batch, name) for name in BatchAnswer.model_fields if hasattr(batch, name)}
        fields["operating_point"] = batch.operating_point.model_dump()
        fields |= {"model": batch.card.name, "checkpoint_hash": batch.card.weights_hash, "counts": counts[batch.id]}
        answers.append(BatchAnswer(**fields))
    return answers
