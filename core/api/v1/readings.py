"""Readings, their pictures, the worklist over all batches, and readers' verdicts."""

from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query, Response
from pydantic import BaseModel, Field

from core.api.access import Caller, Reader, Triager
from core.api.problems import problem_responses
from core.api.v1.paging import LARGEST_ID, Page, Paged
from core.errors import InputNotFoundError
from core.language import tr
from core.services.desk import open_desk
from core.services.films.images import film_picture
from core.services.worklist.reading_detail import get_reading, study_of
from core.services.worklist.studies import load_worklist, place_reading
from core.services.worklist.verdicts import (
    LONGEST_NOTE,
    Verdict,
    VerdictRow,
    give_verdict,
    undo_verdict,
    verdict_history,
)
from core.settings import NOTICE

router = APIRouter(prefix="/v1", tags=["worklist"])
ReadingId = Annotated[int, Path(ge=1, le=LARGEST_ID)]
VerdictId = Annotated[int, Path(ge=1, le=LARGEST_ID)]
ReaderName = Annotated[str, Field(min_length=1, max_length=100, pattern=r"^[^\x00-\x1f]*\S[^\x00-\x1f]*$")]
SAME_IMAGE = "Other files on the desk with the same image, in words; empty if there are none."
PNG = {200: {"content": {"image/png": {}}}}


class ReadingDetailAnswer(BaseModel):
    """One reading and all that it rests on."""

    id: int
    batch_id: str
    file: str
    status: Literal["read", "rejected", "failed"]
    reason: str
    priority: Literal["urgent", "review", "routine"] = Field(
        description="Its place in the reading order by the site's rules: read first, next or in turn. No AI result."
    )
    rules_version: int
    finding: Literal["pneumonia", "uncertain", "normal"] | None
    probability: float | None
    gate_distance: float | None
    same_image_as: str = Field(description=SAME_IMAGE)
    lineage: dict[str, Any]
    notice: str = NOTICE


class StudyAnswer(BaseModel):
    """A study on the worklist, with its newest reading."""

    study: str
    reading_id: int
    batch_id: str
    file: str
    status: str
    band: str
    reason: str
    probability: float | None
    finding: str | None
    received_at: datetime
    waited_hours: float
    is_judged: bool
    num_readers: int
    assigned_to: str
    same_image_as: str = Field(description=SAME_IMAGE)
    is_lifted: bool = Field(description="Whether it was escalated: read first only because it has waited too long.")
    rules_version: int


class VerdictRequest(BaseModel):
    """What a human reader finds in an image."""

    reader: ReaderName = Field(description="Who read the image.")
    verdict: Verdict
    note: str = Field(default="", max_length=LONGEST_NOTE)


class VerdictAnswer(BaseModel):
    """A verdict, beside what the model had said."""

    id: int
    study: str
    reading_id: int | None
    reader: str
    verdict: Verdict
    note: str
    checkpoint_hash: str | None
    probability: float | None
    finding: str | None
    when: datetime
    is_current: bool


@router.get("/readings/{reading_id}", responses=problem_responses(404, 422))
def show(reading_id: ReadingId, _caller: Reader) -> ReadingDetailAnswer:
    """Return one reading with its lineage."""
    desk = open_desk()
    reading, place = get_reading(desk, reading_id), place_reading(desk, reading_id)
    fields = {name: getattr(reading, name) for name in ReadingDetailAnswer.model_fields if hasattr(reading, name)}
    return ReadingDetailAnswer(**fields | {"priority": place.band, "rules_version": place.rules_version})


@router.get("/readings/{reading_id}/film", response_class=Response, responses={**PNG, **problem_responses(404, 422)})
def film(reading_id: ReadingId, _caller: Reader) -> Response:
    """Return the image as a lossless grey PNG, no side longer than 2048 pixels."""
    desk = open_desk()
    reading = get_reading(desk, reading_id)
    content, media_type = film_picture(desk, reading.source_path, reading.source_member)
    return Response(content, media_type=media_type)


@router.get(
    "/readings/{reading_id}/saliency", response_class=Response, responses={**PNG, **problem_responses(404, 422)}
)
def saliency(reading_id: ReadingId, _caller: Reader) -> Response:
    """Return the AI heatmap: a square, partly clear PNG to be stretched over the image."""
    heatmap = get_reading(open_desk(), reading_id).heatmap_file
    if heatmap is None:
        raise InputNotFoundError(tr("There is no AI heatmap: nothing here spoke for pneumonia."))
    return Response(heatmap.read_bytes(), media_type="image/png")


@router.get("/worklist", responses=problem_responses(422))
def worklist(_caller: Reader, paging: Paged) -> Page[StudyAnswer]:
    """List the studies of all batches, in reading order, as the dashboard shows them."""

    def fetch(limit: int, offset: int) -> list[StudyAnswer]:
        """Return the answers of one page."""
        placed = load_worklist(open_desk())
        studies = placed.studies.iloc[offset : offset + limit].assign(rules_version=placed.rules_version)
        rows = studies[list(StudyAnswer.model_fields)].astype(object)
        return [StudyAnswer.model_validate(row) for row in rows.where(rows.notna(), None).to_dict("records")]

    return paging.page(fetch)


@router.get("/readings/{reading_id}/verdicts", responses=problem_responses(404, 422))
def show_verdicts(reading_id: ReadingId, _caller: Reader) -> list[VerdictAnswer]:
    """List all verdicts on the study of a reading, oldest first; those replaced or undone are not current."""
    desk = open_desk()
    return [_answer(row) for row in verdict_history(desk, study_of(desk, reading_id))]


@router.post("/readings/{reading_id}/verdicts", status_code=201, responses=problem_responses(404, 422))
def judge(reading_id: ReadingId, asked: VerdictRequest, caller: Triager) -> VerdictAnswer:
    """Keep a reader's verdict; an earlier one stays in the history. Who sent it by a key is kept with the name."""
    desk = open_desk()
    verdict_id = give_verdict(desk, reading_id, _named(asked.reader, caller), asked.verdict, asked.note)
    history = verdict_history(desk, study_of(desk, reading_id))
    return _answer(next(row for row in history if row.id == verdict_id))


@router.delete("/verdicts/{verdict_id}", responses=problem_responses(404, 422))
def take_back(
    verdict_id: VerdictId, reader: Annotated[ReaderName, Query(description="Whose verdict it is.")], caller: Triager
) -> VerdictAnswer:
    """Undo a verdict; the one before it counts again."""
    return _answer(undo_verdict(open_desk(), verdict_id, _named(reader, caller)))


def _named(reader: str, caller: Caller) -> str:
    return f"{reader.strip()} (via {caller.name})"[:128] if caller.key else reader.strip()


def _answer(row: VerdictRow) -> VerdictAnswer:
    return VerdictAnswer(**vars(row))
