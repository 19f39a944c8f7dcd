"""Routes by which a browser streams the files of one upload to disk, and asks what is still missing."""

from typing import Annotated

from anyio import to_thread
from fastapi import APIRouter, Depends, Header, HTTPException, Query, Request
from pydantic import BaseModel, Field, TypeAdapter, ValidationError
from starlette.requests import ClientDisconnect

from core.language import tr
from core.services.desk import Desk, open_desk
from core.services.films import uploads

# Most images arrive whole before this, so that one visit to a thread writes them.
SPILL_BYTES = 2**20
LATEST_MS = 10**13
MOST_PACKED = 64
MOST_PACK_BYTES = 16 * 2**20
NOT_WHOLE = "The files did not arrive whole: send them again."

router = APIRouter(prefix="/uploads/{upload_id}", tags=["uploads"])


class ListedFile(BaseModel):
    """A file as the browser sees it: size in bytes, last change in milliseconds since 1970."""

    name: str = Field(max_length=4096)
    size: int = Field(ge=0)
    modified: int | None = Field(default=None, ge=0, le=LATEST_MS)


class Missing(BaseModel):
    """Positions, in the list that was asked about, of the files that have not arrived."""

    missing: list[int]


class Received(BaseModel):
    """A file that has fully arrived."""

    name: str
    size: int


class PackReceived(BaseModel):
    """Positions, in the list that came with a pack, of the files that were kept."""

    received: list[int]


LISTED = TypeAdapter(list[ListedFile])


# Not in a thread, since it takes microseconds and a page that asks has the desk open.
async def authorised_desk(upload_id: str, x_upload_token: Annotated[str, Header()] = "") -> Desk:
    """Return the desk if the token was made for this upload; else answer 403."""
    desk = open_desk()
    if not uploads.may_upload(desk, upload_id, x_upload_token):
        raise HTTPException(403, tr("This upload is not yours or its time is over: reload the page."))
    return desk


AuthorisedDesk = Annotated[Desk, Depends(authorised_desk)]


@router.post("/missing")
def missing(
    upload_id: str, files: Annotated[list[ListedFile], Field(max_length=2000)], desk: AuthorisedDesk
) -> Missing:
    """Answer which of the listed files still have to be sent."""
    sent = [uploads.SentFile(file.name, file.size, file.modified) for file in files]
    return Missing(missing=uploads.missing_files(desk, upload_id, sent))


@router.put("/files", status_code=201)
async def receive(
    upload_id: str,
    name: Annotated[str, Query(max_length=4096)],
    request: Request,
    desk: AuthorisedDesk,
    size: Annotated[int | None, Query(ge=0)] = None,
    modified: Annotated[int | None, Query(ge=0, le=LATEST_MS)] = None,
) -> Received:
    """Stream one file to disk: 201 when it is whole.

    Else 400 (no such name, or it broke off), 403 (token), 409 (another file has the name), 413 (too large) or 507
    (disk full).
    """
    incoming = uploads.IncomingFile(desk, upload_id, name)
    if size is not None:
        incoming.refuse_if_above_limit(size)
    try:
        buffer = bytearray()
        async for chunk in request.stream():
            buffer += chunk
            if len(buffer) >= SPILL_BYTES:
                await to_thread.run_sync(incoming.write, buffer)
                buffer = bytearray()
        if size is not None and incoming.num_bytes + len(buffer) != size:
            raise HTTPException(400, tr("{name} did not arrive whole: send it again.", name=name))
        await to_thread.run_sync(_write_and_finish, incoming, buffer, modified)
    except ClientDisconnect as error:
        raise HTTPException(400, tr("{name} did not arrive whole: send it again.", name=name)) from error
    finally:
        incoming.discard()
    return Received(name=name, size=incoming.num_bytes)


def _write_and_finish(incoming: uploads.IncomingFile, rest: bytearray, modified_ms: int | None) -> None:
    incoming.write(rest)
    incoming.finish(modified_ms)


@router.post("/packs")
async def receive_pack(upload_id: str, request: Request, desk: AuthorisedDesk) -> PackReceived:
    """Keep many small files of one request: a form with `files` in the order of the JSON list in `listed`.

    A file that was not kept is to be sent by itself, which says why. Answers 400 if list and files do not agree or
    broke off, and 413 for more than 64 files or 16 MB.
    """
    announced = request.headers.get("content-length", "")
    if not announced.isdigit() or int(announced) > MOST_PACK_BYTES:
        raise HTTPException(413, tr("More than fits into one pack: send the files by themselves."))
    try:
        async with request.form(max_files=MOST_PACKED, max_fields=1) as form:
            listed = LISTED.validate_json(str(form.get("listed", "")))
            contents = [await part.read() for part in form.getlist("files") if not isinstance(part, str)]
    except (ClientDisconnect, ValidationError) as error:
        raise HTTPException(400, NOT_WHOLE) from error
    if [file.size for file in listed] != [len(content) for content in contents]:
        raise HTTPException(400, NOT_WHOLE)
    sent = [uploads.SentFile(file.name, file.size, file.modified) for file in listed]
    received = await to_thread.run_sync(uploads.keep_small_files, desk, upload_id, sent, contents)
    return PackReceived(received=received)
