"""Keys for programs: made once, kept as a hash, ended for good."""

from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import text

from core.errors import InputNotFoundError, SettingsError
from core.services.desk import Desk, open_desk
from core.services.desk.api_keys import Scope, find_key, list_keys, make_key, revoke_key
from core.settings import AppSettings
from db import models as tables


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return open_desk(AppSettings(home=tmp_path / "home"))


def test_a_key_is_found_by_its_text_and_by_no_other(desk: Desk) -> None:
    """The text that was shown once opens the desk; a bent, cut, foreign or odd one does not."""
    key, shown = make_key(desk, "pacs", [Scope.TRIAGE])
    assert find_key(desk, shown) == key
    other = "a" if shown[-1] != "a" else "b"
    foreign = make_key(desk, "other", [Scope.READ])[1]
    mixed = f"pd_{key.id}_{foreign.rsplit('_', 1)[1]}"
    for wrong in (
        "",
        "pd",
        shown[:-1],
        shown[:-1] + other,
        shown + "x",
        mixed,
        "pd_é_x",
        "pd__",
        shown * 50,
        f"x{shown}",
    ):
        assert find_key(desk, wrong) is None


def test_the_secret_is_nowhere_in_the_database(desk: Desk) -> None:
    """What the database holds of a key does not contain its secret."""
    _, shown = make_key(desk, "pacs", [Scope.READ])
    secret = shown.split("_", 2)[2]
    with desk.reading() as session:
        row = session.execute(text("SELECT * FROM api_key")).one()
    assert not any(secret in str(value) for value in row)


def test_a_revoked_key_opens_nothing_and_stays_on_the_list(desk: Desk) -> None:
    """Revoking holds at once and only once, and frees the name for a new key."""
    _, shown = make_key(desk, "pacs", [Scope.READ])
    revoke_key(desk, "pacs")
    assert find_key(desk, shown) is None
    with pytest.raises(InputNotFoundError):
        revoke_key(desk, "pacs")
    make_key(desk, "pacs", [Scope.READ])
    assert [key.is_valid for key in list_keys(desk)] == [True, False]


def test_a_key_ends_by_itself(desk: Desk) -> None:
    """After its days a key opens nothing."""
    key, shown = make_key(desk, "trial", [Scope.READ], days=1)
    assert find_key(desk, shown) is not None
    with desk.transaction() as session:
        session.get_one(tables.ApiKey, key.id).expires_at -= timedelta(days=2)
    assert find_key(desk, shown) is None


@pytest.mark.parametrize("name", ["", "  ", "x" * 101, "a\nb"])
def test_a_key_needs_a_name(desk: Desk, name: str) -> None:
    """Nobody could say later whom a nameless key was for."""
    with pytest.raises(SettingsError):
        make_key(desk, name, [Scope.READ])


def test_a_name_stands_for_one_key(desk: Desk) -> None:
    """Two valid keys never share a name, and a key opens something."""
    make_key(desk, "pacs", [Scope.READ])
    with pytest.raises(SettingsError, match="already"):
        make_key(desk, "pacs", [Scope.TRAIN])
    with pytest.raises(SettingsError, match="scope"):
        make_key(desk, "none", [])


def test_triage_and_train_let_read_but_not_each_other(desk: Desk) -> None:
    """Who may triage may follow what it started; nobody gets the other's scope."""
    opened = {}
    for scope in Scope:
        key, _ = make_key(desk, scope.value, [scope])
        opened[scope] = {other for other in Scope if key.may(other)}
    assert opened == {
        Scope.READ: {Scope.READ},
        Scope.TRIAGE: {Scope.READ, Scope.TRIAGE},
        Scope.TRAIN: {Scope.READ, Scope.TRAIN},
    }
