"""Routes by which a browser streams the files of one upload to disk, and asks what is still missing."""

from typing import Annotated

from anyio import to_thread
from fastapi import APIRouter, Depends, Header, HTTPException, Query, Request
from pydantic import BaseModel, Field
from starlette.requests import ClientDisconnect

from core.services import uploads
from core.services.desk import Desk, open_desk

# Most films arrive whole before this, so that one visit to a thread writes them.
SPILL_BYTES = 2**20
LATEST_MS = 10**13

router = APIRouter(prefix="/uploads/{upload_id}", tags=["uploads"])


class ListedFile(BaseModel):
    """A file as the browser sees it: size in bytes, last change in milliseconds since 1970."""

    name: str = Field(max_length=4096)
    size: int = Field(ge=0)
    modified: int | None = Field(None, ge=0, le=LATEST_MS)


class Missing(BaseModel):
    """Positions, in the list that was asked about, of the files that have not arrived."""

    missing: list[int]


class Received(BaseModel):
    """A file that has fully arrived."""

    name: str
    size: int


# Not in a thread, since it takes microseconds and a page that asks has the desk open.
async def authorised_desk(upload_id: str, x_upload_token: Annotated[str, Header()] = "") -> Desk:
    """Return the desk if the token was made for this upload; else answer 403."""
    desk = open_desk()
    if not uploads.may_upload(desk, upload_id, x_upload_token):
        raise HTTPException(403, "This upload is not yours or its time is over: reload the page.")
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
            raise HTTPException(400, f"{name} did not arrive whole: send it again.")
        await to_thread.run_sync(_write_and_finish, incoming, buffer, modified)
    except ClientDisconnect as error:
        raise HTTPException(400, f"{name} did not arrive whole: send it again.") from error
    finally:
        incoming.discard()
    return Received(name=name, size=incoming.num_bytes)


def _write_and_finish(incoming: uploads.IncomingFile, rest: bytearray, modified_ms: int | None) -> None:
    incoming.write(rest)
    incoming.finish(modified_ms)
