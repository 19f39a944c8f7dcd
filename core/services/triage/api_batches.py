"""Batches whose images a program sends in one request; the same request, repeated, starts nothing twice."""

import hashlib
import shutil
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import BinaryIO

from sqlalchemy import delete, func, select

from core.errors import PneumoDeskError
from core.language import tr
from core.runs.process_identity import ProcessIdentity
from core.runs.work import LIVE_STATES
from core.services.desk import Desk
from core.services.films import uploads
from core.services.triage.batch_reading import TriageRequest, new_batch_id
from core.services.triage.batches import find_lost_batches, start_batch
from db import models as tables
from db.clock import database_now
from db.states import State

CHUNK_BYTES = 2**20
REMEMBERED = timedelta(hours=24)
ABANDONED = timedelta(minutes=15)
"""After this a request to another host that neither ended nor failed is taken for one whose server died."""


class TooManyBatchesError(PneumoDeskError):
    """As many batches wait or are read as may."""


class RepeatedDifferentlyError(PneumoDeskError):
    """An idempotency key that came before with other files."""


class StillUnderWayError(PneumoDeskError):
    """The same request is being carried out at this moment."""


def start_received_batch(
    desk: Desk,
    films: Sequence[tuple[str, BinaryIO]],
    request: TriageRequest,
    *,
    sender: str,
    idempotency_key: str | None,
    most_live: int,
) -> tuple[str, bool]:
    """Write the images to the desk, start a batch over them, and return its id and whether it had been started before.

    `request` says all but the paths. Raises TooManyBatchesError, RepeatedDifferentlyError, StillUnderWayError,
    and what writing an upload raises; then nothing is left of the images.
    """
    upload_id, batch_id = uploads.new_upload_id(), new_batch_id()
    started: str | None = None
    try:
        fingerprint = _write(desk, upload_id, films, request)
        known = _reserve(desk, sender, idempotency_key, fingerprint, batch_id) if idempotency_key else None
        if known is not None:
            return known, True
        try:
            _refuse_if_too_many(desk, most_live)
            uploads.close_upload(desk, upload_id)
            folder = uploads.upload_folder(desk, upload_id)
            started = start_batch(desk, request.model_copy(update={"paths": (folder,)}), batch_id)
        finally:
            if idempotency_key:
                _conclude(desk, sender, idempotency_key, started)
        return batch_id, False
    finally:
        if started is None:
            shutil.rmtree(uploads.upload_folder(desk, upload_id).parent, ignore_errors=True)


def _write(desk: Desk, upload_id: str, films: Sequence[tuple[str, BinaryIO]], request: TriageRequest) -> str:
    """Write every image under its own name and return the SHA-256 of the request, names and contents."""
    digest = hashlib.sha256(
        f"{request.model} {request.operating_point} {request.title}".encode("utf-8", "surrogatepass")
    )
    for name, stream in films:
        digest.update(b"\0" + name.encode("utf-8", "surrogatepass") + b"\0")
        incoming = uploads.IncomingFile(desk, upload_id, name)
        try:
            while chunk := stream.read(CHUNK_BYTES):
                digest.update(hashlib.sha256(chunk).digest())
                incoming.write(chunk)
            incoming.finish()
        finally:
            incoming.discard()
    return digest.hexdigest()


def _refuse_if_too_many(desk: Desk, most_live: int) -> None:
    find_lost_batches(desk)
    live = (*LIVE_STATES, State.QUEUED.value)
    with desk.reading() as session:
        num_live = session.scalar(select(func.count()).select_from(tables.Batch).where(tables.Batch.state.in_(live)))
    if (num_live or 0) >= most_live:
        raise TooManyBatchesError(
            tr("{num_live} batches wait or are being read, as many as may: try again later.", num_live=num_live)
        )


def _reserve(desk: Desk, sender: str, key: str, fingerprint: str, batch_id: str) -> str | None:
    """Take a key for this request; returns the batch it started before, None if it has yet to be carried out."""
    table = tables.IdempotentRequest
    with desk.transaction() as session:
        now = database_now(session)
        session.execute(delete(table).where(table.created_at < now - REMEMBERED))
        row = session.get(table, (sender, key))
        if row is not None and row.resource is None and _is_given_up(row, now):
            if row.promised and session.get(tables.Batch, row.promised):
                # Its server was killed between starting the batch and saying so.
                row.resource = row.promised
            else:
                session.delete(row)
                session.flush()
                row = None
        if row is None:
            server = ProcessIdentity.current().columns()
            session.add(
                table(sender=sender, key=key, fingerprint=fingerprint, promised=batch_id, created_at=now, **server)
            )
            return None
        if row.fingerprint != fingerprint:
            raise RepeatedDifferentlyError(tr("This Idempotency-Key came before with other files: use a new one."))
        if row.resource is None:
            raise StillUnderWayError(tr("The same request is being carried out: ask again in a moment."))
        return row.resource


def _is_given_up(row: tables.IdempotentRequest, now: datetime) -> bool:
    """Return whether a request's server is gone; one of another host tells so only by its silence."""
    server = ProcessIdentity.of_row(row)
    if server is not None and server.is_here:
        return not server.is_alive()
    return row.created_at < now - ABANDONED


def _conclude(desk: Desk, sender: str, key: str, batch_id: str | None) -> None:
    """Keep what a request started; a request that failed may be repeated."""
    with desk.transaction() as session:
        row = session.get(tables.IdempotentRequest, (sender, key))
        if row is None:
            return
        if batch_id is None:
            session.delete(row)
        else:
            row.resource = batch_id
