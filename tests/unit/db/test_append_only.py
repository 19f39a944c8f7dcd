"""What can only be added to stays as it was written, anyone who tries to change it."""

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from db.engine import session_factory
from db.models import (
    Assignment,
    AuditEvent,
    Evaluation,
    FilmSet,
    OperatingPoint,
    PredictionSet,
    Verdict,
    WorklistRules,
)
from db.upgrade import upgrade_to_head

ROWS = {
    "audit_event": AuditEvent(id=7, actor="Ada", action="verdict", subject="s", detail={}),
    "worklist_rules": WorklistRules(id=7, document={}, author="Ada"),
    "verdict": Verdict(id=7, study="s", reader="Ada", verdict="normal", note=""),
    "assignment": Assignment(id=7, study="s", assigned_to="Ada", assigned_by="Bob"),
    "operating_point": OperatingPoint(
        id=7,
        checkpoint_hash="h",
        name="n",
        threshold=0.5,
        uncertain_low=0.4,
        uncertain_high=0.6,
        rule="r",
        chosen_on="validation",
    ),
    "evaluation": Evaluation(id=7, checkpoint_hash="h", cohort_fingerprint="c", split="test", report={}),
    "film_set": FilmSet(id=7, fingerprint="f", num_films=0, films={}),
    "prediction_set": PredictionSet(
        id=7,
        checkpoint_hash="h",
        split="test",
        film_set_id=7,
        cohort_fingerprint="c",
        engine="e",
        slope=1.0,
        intercept=0.0,
        logits=b"",
        report={},
    ),
}
CHANGES = {
    "audit_event": "UPDATE audit_event SET actor = 'Eve'",
    "worklist_rules": "UPDATE worklist_rules SET author = 'Eve'",
    "verdict": "UPDATE verdict SET verdict = 'pneumonia'",
    "assignment": "UPDATE assignment SET assigned_to = 'Eve'",
    "operating_point": "UPDATE operating_point SET threshold = 0.45",
    "evaluation": "UPDATE evaluation SET split = 'validation'",
    "film_set": "UPDATE film_set SET films = '[]'",
    "prediction_set": "UPDATE prediction_set SET slope = 2",
}


@pytest.fixture
def filled(engine):
    upgrade_to_head(engine)
    with session_factory(engine).begin() as session:
        for row in ROWS.values():
            session.merge(row)
    return engine


def refused(engine, statement: str) -> bool:
    try:
        with engine.begin() as connection:
            connection.execute(text(statement))
    except DBAPIError as error:
        assert "can only be added to" in str(error.orig)
        return True
    return False


@pytest.mark.parametrize("table", ROWS)
def test_nothing_written_is_changed(filled, table):
    """An update of any of these tables is refused by the database itself."""
    assert refused(filled, CHANGES[table])


@pytest.mark.parametrize("table", ["audit_event", "worklist_rules", "operating_point", "evaluation"])
def test_the_trail_is_never_deleted(filled, table):
    """No row of the audit log, the rules' history, the operating points or the accesses can be deleted."""
    assert refused(filled, f"DELETE FROM {table}")
    with filled.connect() as connection:
        assert connection.execute(text(f"SELECT count(*) FROM {table}")).scalar() == 1


def test_an_insert_that_replaces_is_refused(filled):
    """SQLite's replacing insert, which fires no trigger of deletion, does not get round it."""
    if filled.dialect.name != "sqlite":
        assert refused(filled, "TRUNCATE audit_event")
        return
    assert refused(
        filled,
        "INSERT OR REPLACE INTO audit_event (id, actor, action, subject, detail, created_at) "
        "VALUES (7, 'Eve', 'verdict', 's', '{}', '2026-01-01')",
    )
