"""Addresses that were kept from an early desk lead to what they led to then."""

from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import select
from streamlit.testing.v1 import AppTest

from core.services.desk import Desk, open_desk
from core.settings import get_settings
from db import models as tables
from tests.app.opened_page import open_page
from tests.no_workers import let_nobody_work
from tests.old_desk import move_in, unpack_old_home

Old = tuple[Desk, dict[str, Any]]


@pytest.fixture(scope="module")
def old(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Old]:
    folder = tmp_path_factory.mktemp("old")
    about = unpack_old_home(folder)
    move_in(f"sqlite:///{folder / 'home' / 'pneumodesk.db'}", about, folder / "home")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PNEUMODESK_HOME", str(folder / "home"))
        patch.setenv("PNEUMODESK_READER_WAITS_MINUTES", "0")
        let_nobody_work(patch)
        get_settings.cache_clear()
        yield open_desk(), about
    get_settings.cache_clear()


def texts(app: AppTest) -> str:
    """All that a page says, tables included."""
    kinds = (app.subheader, app.markdown, app.caption, app.metric, app.warning, app.error)
    said = [str(one.value) + str(getattr(one, "label", "")) for kind in kinds for one in kind]
    return " ".join([*said, *(str(one.value.to_dict()) for one in app.dataframe)])


def test_an_old_address_opens_what_it_named(old: Old) -> None:
    """Batches, studies, runs, comparisons, tables, sweeps, models and datasets open by their old parameters."""
    desk, about = old
    best, second = about["runs"]["best"], about["runs"]["second"]
    with desk.reading() as session:
        study = session.scalars(select(tables.Reading.study).where(tables.Reading.file == "film4.jpg")).one()
    addresses = [
        ("triage", {"batch": about["batches"]["read"]}, "Ward 3"),
        ("triage", {"batch": about["batches"]["failed"]}, "There is no space left on the disk"),
        ("triage", {"view": "worklist", "study": study}, "**film4"),
        ("training", {"view": "sweeps"}, "Dropout and rate"),
        ("training", {"sweep": about["search"]["id"]}, "12 of 14"),
        ("training", {"run": best}, "strong augmentation"),
        ("experiments", {"run": best}, "strong augmentation"),
        ("experiments", {"compare": f"{best},{second}"}, "no augmentation"),
        ("experiments", {"table": f"{best},{second}"}, best),
        ("models", {"model": about["model"]}, about["model"]),
        ("dataset", {"dataset": about["dataset"]}, "drawn_films"),
    ]
    for name, query, expected in addresses:
        app = open_page(name, **query)
        assert not app.exception, (name, query, app.exception)
        assert expected in texts(app), (name, query, texts(app)[:2000])
