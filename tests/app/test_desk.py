"""The dashboard's script, run without a browser."""

from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from core.services.desk import Desk
from core.settings import NOTICE, get_settings
from tests.patience import PATIENCE_SECONDS

SCRIPT = str(Path(__file__).resolve().parents[2] / "core" / "ui" / "desk.py")


def test_every_page_carries_the_notice_and_the_overview_names_the_desks_home(desk: Desk) -> None:
    """The front page has one title, says what the desk is not, and shows where it keeps its files."""
    app = AppTest.from_file(SCRIPT, default_timeout=PATIENCE_SECONDS).run()
    assert not app.exception
    assert [title.value for title in app.title] == ["Overview"]
    assert [caption.value for caption in app.caption].count(NOTICE) == 1
    assert any(str(desk.settings.home) in caption.value for caption in app.main.caption)


def test_a_home_that_cannot_be_made_is_told_in_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a file where the home should be, the page shows a sentence and no traceback."""
    (tmp_path / "file").touch()
    monkeypatch.setenv("PNEUMODESK_HOME", str(tmp_path / "file" / "home"))
    get_settings.cache_clear()
    try:
        app = AppTest.from_file(SCRIPT, default_timeout=PATIENCE_SECONDS).run()
    finally:
        get_settings.cache_clear()
    assert not app.exception
    assert "PNEUMODESK_HOME" in app.error[0].value
