"""Studies of an earlier version, in Optuna's tables beside ours, become files on either kind of database."""

from pathlib import Path

import optuna
import pytest
from optuna.distributions import FloatDistribution
from optuna.trial import TrialState, create_trial
from sqlalchemy import inspect, text

from core.services.sweeps.journal import journal_of, open_journal
from core.services.sweeps.old_studies import OPTUNA_TYPES, move_old_studies
from db import models as tables
from db.base import Base
from tests.small_desk import small_desk

SPACE = {"dropout": FloatDistribution(0.0, 0.8)}


def test_studies_move_and_the_tables_go(database_url: str, tmp_path: Path) -> None:
    """Values, settings, epochs and states are in the file, and nothing of Optuna's is left in the database."""
    desk = small_desk(tmp_path, database_url=database_url)
    with desk.transaction() as session:
        session.add(tables.Sweep(id="old", name="old", kind="search", request={}, num_trials=3))
    storage = optuna.storages.RDBStorage(
        desk.engine.url.render_as_string(hide_password=False), skip_compatibility_check=True
    )
    study = optuna.create_study(storage=storage, study_name="sweep-old", direction="maximize")
    asked = {"params": {"dropout": 0.25}, "distributions": SPACE, "intermediate_values": {1: 0.5, 2: 0.75}}
    study.add_trial(create_trial(state=TrialState.COMPLETE, value=0.75, **asked))
    study.add_trial(create_trial(state=TrialState.PRUNED, value=0.75, **asked))
    study.add_trial(create_trial(state=TrialState.RUNNING, **asked))
    before = [(trial.number, trial.state, trial.values, trial.params) for trial in study.get_trials()]
    storage.remove_session()
    storage.engine.dispose()
    for _ in range(2):
        move_old_studies(desk)
        moved = optuna.load_study(study_name="sweep-old", storage=open_journal(journal_of(desk, "old"))[0])
        assert moved.direction == optuna.study.StudyDirection.MAXIMIZE
        assert [(trial.number, trial.state, trial.values, trial.params) for trial in moved.get_trials()] == before
        assert moved.get_trials()[2].intermediate_values == {1: 0.5, 2: 0.75}
        assert set(inspect(desk.engine).get_table_names()) == {*Base.metadata.tables, "alembic_version"}
    if desk.engine.dialect.name == "postgresql":
        with desk.reading() as session:
            left = session.scalars(text("SELECT typname FROM pg_type WHERE typtype = 'e'")).all()
        assert not set(left) & set(OPTUNA_TYPES)
    desk.engine.dispose()


def test_a_study_that_cannot_be_read_stays(tmp_path: Path) -> None:
    """A distribution that is no JSON: the tables stay as they are, and no half file stands for the study."""
    desk = small_desk(tmp_path)
    with desk.transaction() as session:
        session.add(tables.Sweep(id="old", name="old", kind="search", request={}, num_trials=3))
    storage = optuna.storages.RDBStorage(f"sqlite:///{tmp_path / 'pneumodesk.db'}", skip_compatibility_check=True)
    study = optuna.create_study(storage=storage, study_name="sweep-old", direction="maximize")
    study.add_trial(create_trial(value=0.5, params={"dropout": 0.25}, distributions=SPACE))
    storage.remove_session()
    storage.engine.dispose()
    with desk.transaction() as session:
        session.execute(text("UPDATE trial_params SET distribution_json = 'no JSON'"))
    move_old_studies(desk)
    assert inspect(desk.engine).has_table("studies") and not journal_of(desk, "old").exists()
    with pytest.raises(KeyError):
        optuna.load_study(study_name="sweep-old", storage=open_journal(tmp_path / "new.jsonl")[0])
