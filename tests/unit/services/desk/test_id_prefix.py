"""A record is found by its id or the beginning of it, and never by chance."""

from pathlib import Path

import pytest

from core.errors import InputNotFoundError
from core.services.desk import open_desk
from core.services.desk.id_prefix import id_beginning_with
from core.settings import AppSettings
from db import models as tables


def test_one_is_found_by_its_beginning_and_nothing_by_less(tmp_path: Path) -> None:
    """The only one that begins so is meant, an exact id beats a longer one, and no letters name nothing."""
    desk = open_desk(AppSettings(home=tmp_path / "home"))
    ids = ("abc", "abc1", "a%", "f00")
    with desk.transaction() as session:
        for sweep_id in ids:
            session.add(tables.Sweep(id=sweep_id, name=sweep_id, kind="grid", request={}, num_trials=1))

    def find(beginning: str) -> str:
        with desk.reading() as session:
            return id_beginning_with(session, tables.Sweep.id, beginning, "sweep")

    assert [find(beginning) for beginning in ("f", "abc", "abc1", "a%")] == ["f00", "abc", "abc1", "a%"]
    with pytest.raises(InputNotFoundError, match=r"More than one sweep begins with 'ab'.*sweep list"):
        find("ab")
    for nothing in ("", "%", "zz"):
        with pytest.raises(InputNotFoundError, match="There is no sweep"):
            find(nothing)


def test_of_a_single_record_no_letters_name_none(tmp_path: Path) -> None:
    """An empty name acts on nothing, even where there is only one that it could mean."""
    desk = open_desk(AppSettings(home=tmp_path / "home"))
    with desk.transaction() as session:
        session.add(tables.Sweep(id="abc", name="one", kind="grid", request={}, num_trials=1))
    with desk.reading() as session, pytest.raises(InputNotFoundError, match="There is no sweep"):
        id_beginning_with(session, tables.Sweep.id, "", "sweep")
