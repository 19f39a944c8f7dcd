"""Deleting a batch from the command line, and undoing it."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from core.cli.commands import app
from core.errors import WorklistError
from core.services.desk import Desk
from core.services.worklist.studies import load_worklist
from tests.small_desk import add_batch, small_desk


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    desk = small_desk(tmp_path / "home")
    monkeypatch.setattr("core.cli.keeping.open_desk", lambda: desk)
    return desk


def test_a_batch_is_deleted_by_its_name_and_restored(desk: Desk) -> None:
    """Without the name nothing is deleted and the counts are said; `undelete` lists what was and brings it back."""
    add_batch(desk, [("a", 0.9), ("b", 0.1)])
    refused = CliRunner().invoke(app, ["delete", "first"])
    assert isinstance(refused.exception, WorklistError) and "2 AI results" in str(refused.exception)
    assert len(load_worklist(desk).studies) == 2
    done = CliRunner().invoke(app, ["delete", "first", "--name", "first", "--as", "Ada"])
    assert done.exit_code == 0 and load_worklist(desk).studies.empty
    assert "first" in CliRunner().invoke(app, ["undelete"]).output
    assert CliRunner().invoke(app, ["undelete", "first", "--as", "Ada"]).exit_code == 0
    assert len(load_worklist(desk).studies) == 2
    assert "Nothing was deleted" in CliRunner().invoke(app, ["undelete"]).output
