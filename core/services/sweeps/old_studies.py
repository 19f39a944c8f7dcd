"""Studies that an earlier version kept in tables of Optuna's own beside ours: they move to files, the tables go."""

from pathlib import Path
from typing import TYPE_CHECKING

from filelock import FileLock
from sqlalchemy import MetaData, inspect, select, text

from core.services.desk import Desk
from core.services.sweeps.journal import FOLDER, journal_of
from db import models as tables

if TYPE_CHECKING:
    from optuna.storages import BaseStorage

LOCK_FILE = "moving.lock"
STUDIES = "studies"
OPTUNA_TABLES = (
    *(STUDIES, "study_directions", "study_system_attributes", "study_user_attributes", "trials", "trial_heartbeats"),
    *("trial_intermediate_values", "trial_params", "trial_system_attributes", "trial_user_attributes", "trial_values"),
    "version_info",
)
OPTUNA_TYPES = ("studydirection", "trialstate", "trialvaluetype", "trialintermediatevaluetype")


def move_old_studies(desk: Desk) -> None:
    """Copy every study out of the database and drop Optuna's tables; does nothing where there are none.

    A study that cannot be copied keeps the tables where they are; its search continues from what its runs reported.
    """
    if not inspect(desk.engine).has_table(STUDIES):
        return
    folder = desk.settings.home / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    with FileLock(folder / LOCK_FILE):
        if inspect(desk.engine).has_table(STUDIES) and _copy_all(desk):
            _drop_tables(desk)


def _copy_all(desk: Desk) -> bool:
    """Write each search's study to its file, and return whether all could be read."""
    import optuna
    from optuna.storages import RDBStorage
    from sqlalchemy.exc import SQLAlchemyError

    with desk.reading() as session:
        sweep_ids = session.scalars(select(tables.Sweep.id)).all()
    # Optuna fills in what stands between braces.
    url = desk.engine.url.render_as_string(hide_password=False).replace("{", "{{").replace("}", "}}")
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    try:
        # `alembic_version` is ours, so Optuna's own check of it is left out.
        storage = RDBStorage(url, skip_compatibility_check=True)
        try:
            known = set(optuna.get_all_study_names(storage))
            for sweep_id in sweep_ids:
                if f"sweep-{sweep_id}" in known:
                    _copy(storage, f"sweep-{sweep_id}", journal_of(desk, sweep_id))
        finally:
            storage.remove_session()
            storage.engine.dispose()
    except (SQLAlchemyError, optuna.exceptions.StorageInternalError, KeyError, ValueError):
        return False
    return True


def _copy(storage: "BaseStorage", name: str, journal: Path) -> None:
    """Copy one study; its file appears only when it is whole, and one that is there stays."""
    import optuna
    from optuna.storages import JournalStorage
    from optuna.storages.journal import JournalFileBackend

    if journal.exists():
        return
    part = journal.with_suffix(".part")
    part.unlink(missing_ok=True)
    optuna.copy_study(
        from_study_name=name, from_storage=storage, to_storage=JournalStorage(JournalFileBackend(str(part)))
    )
    part.replace(journal)


def _drop_tables(desk: Desk) -> None:
    with desk.transaction() as session:
        connection = session.connection()
        present = set(inspect(connection).get_table_names())
        optunas = MetaData()
        optunas.reflect(connection, only=[name for name in OPTUNA_TABLES if name in present])
        optunas.drop_all(connection)
        if connection.dialect.name == "postgresql":
            for name in OPTUNA_TYPES:
                connection.execute(text(f"DROP TYPE IF EXISTS {name}"))
