"""Paths of a desk whose home lies elsewhere now."""

from typing import cast

from sqlalchemy import Engine, func, select, update

from db import models as tables
from db.base import Base
from db.engine import session_factory

PATH_COLUMNS = (
    tables.Reading.source_path,
    tables.Reading.saliency_file,
    tables.Run.folder,
    tables.Run.data,
    tables.Cohort.root,
    tables.Examination.root,
    tables.SavedSplit.root,
    tables.SavedSplit.folder,
    tables.ModelVersion.folder,
)


def point_to_new_home(engine: Engine, old: str, new: str) -> None:
    """Let every path that lies below the old home lie below the new one; others stay."""
    if old == new:
        return
    with session_factory(engine, writing=True).begin() as session:
        for column in PATH_COLUMNS:
            is_below = func.substr(column, 1, len(old) + 1) == f"{old}/"
            moved = new + func.substr(column, len(old) + 1)
            session.execute(update(cast("type[Base]", column.class_)).where(is_below).values({column.key: moved}))
        for batch in session.scalars(select(tables.Batch)):
            paths = [_moved(path, old, new) for path in batch.request.get("paths", ())]
            batch.request = {**batch.request, "paths": paths}
        for sweep in session.scalars(select(tables.Sweep)):
            sweep.request = {**sweep.request, "data": _moved(sweep.request.get("data", ""), old, new)}


def _moved(path: str, old: str, new: str) -> str:
    return new + path[len(old) :] if path == old or path.startswith(f"{old}/") else path
