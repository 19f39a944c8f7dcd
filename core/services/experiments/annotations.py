"""What people say of runs: star, tags, note, archive, and a deletion that can be undone."""

from collections.abc import Callable, Sequence

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from core.errors import InputNotFoundError, PneumoDeskError
from core.language import tr
from core.services.desk import Desk
from core.services.runs.control import reconcile_runs
from db import models as tables
from db.base import utc_now
from db.states import State

LONGEST_TAG = 64
MOST_TAGS = 20
LONGEST_NOTE = 10_000


def star(desk: Desk, run_ids: Sequence[str], starred: bool = True) -> None:
    """Star runs, or take their stars away."""
    _annotate(desk, run_ids, lambda row: setattr(row, "starred", starred))


def write_note(desk: Desk, run_id: str, note: str) -> None:
    """Put a note on a run in place of the one before."""
    if len(note) > LONGEST_NOTE:
        raise PneumoDeskError(
            tr(
                "A note holds at most {longest:,} characters; this one has {num_characters:,}.",
                longest=LONGEST_NOTE,
                num_characters=len(note),
            )
        )
    _annotate(desk, [run_id], lambda row: setattr(row, "note", note.strip()))


def archive(desk: Desk, run_ids: Sequence[str], archived: bool = True) -> None:
    """Put runs away where they do not crowd the list, or take them back."""
    _annotate(desk, run_ids, lambda row: setattr(row, "archived_at", utc_now() if archived else None))


def delete_runs(desk: Desk, run_ids: Sequence[str]) -> None:
    """Take runs out of every list; their records and files stay, so that it can be undone.

    Raises PneumoDeskError, deleting none, if one of them has not ended.
    """
    reconcile_runs(desk)
    with desk.transaction() as session:
        for run in _runs(session, run_ids):
            if not State(run.state).is_finished:
                raise PneumoDeskError(
                    tr(
                        "The run {name} ({run_id}) is {state}. Stop it before deleting it.",
                        name=run.name,
                        run_id=run.id,
                        state=run.state,
                    )
                )
        for run_id in run_ids:
            _annotation(session, run_id).deleted_at = utc_now()


def restore_runs(desk: Desk, run_ids: Sequence[str]) -> None:
    """Undo the deletion of runs."""
    _annotate(desk, run_ids, lambda row: setattr(row, "deleted_at", None))


def set_tags(desk: Desk, run_id: str, tags: Sequence[str]) -> None:
    """Give a run exactly these tags; case and order as given, doubles once."""
    wanted = list(dict.fromkeys(" ".join(tag.split()) for tag in tags if tag.strip()))
    if len(wanted) > MOST_TAGS or any(len(tag) > LONGEST_TAG for tag in wanted):
        raise PneumoDeskError(
            tr(
                "A run has at most {most} tags of at most {longest} characters each.",
                most=MOST_TAGS,
                longest=LONGEST_TAG,
            )
        )
    with desk.transaction() as session:
        _runs(session, [run_id])
        session.execute(delete(tables.RunTag).where(tables.RunTag.run_id == run_id))
        session.add_all(tables.RunTag(run_id=run_id, tag=tag) for tag in wanted)


def _annotate(desk: Desk, run_ids: Sequence[str], change: Callable[[tables.RunAnnotation], None]) -> None:
    with desk.transaction() as session:
        _runs(session, run_ids)
        for run_id in run_ids:
            change(_annotation(session, run_id))


def _annotation(session: Session, run_id: str) -> tables.RunAnnotation:
    row = session.get(tables.RunAnnotation, run_id)
    if row is None:
        row = tables.RunAnnotation(run_id=run_id)
        session.add(row)
    return row


def _runs(session: Session, run_ids: Sequence[str]) -> list[tables.Run]:
    runs = list(session.scalars(select(tables.Run).where(tables.Run.id.in_(run_ids))))
    if missing := set(run_ids) - {run.id for run in runs}:
        raise InputNotFoundError(tr("There is no run {run!r}. `runs list` shows the runs there are.", run=min(missing)))
    return runs
