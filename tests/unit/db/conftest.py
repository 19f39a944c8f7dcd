"""Databases to test on: an SQLite file, and PostgreSQL where there is one."""

import os
import pwd
import shutil
import subprocess
import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine, create_engine, text

from db.engine import make_engine, parse_url
from tests.patience import PATIENCE_SECONDS

POSTGRES_URL_VARIABLE = "PNEUMODESK_TEST_POSTGRES_URL"


def find_postgres_binaries() -> Path | None:
    """Return the folder with initdb and pg_ctl, the newest if there are several."""
    on_path = shutil.which("initdb")
    if on_path:
        return Path(on_path).parent
    folders = Path("/usr/lib/postgresql").glob("*/bin/initdb")
    return max((found.parent for found in folders), key=lambda folder: float(folder.parent.name), default=None)


def choose_server_user() -> str | None:
    """Return the user to run the server as, None for the present one; PostgreSQL refuses to run as root."""
    if os.geteuid() != 0:
        return None
    names = {entry.pw_name for entry in pwd.getpwall()}
    return "postgres" if "postgres" in names else "nobody"


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """Give the URL of a PostgreSQL server: the one that is named, or one started for these tests."""
    if url := os.environ.get(POSTGRES_URL_VARIABLE):
        yield url
        return
    binaries = find_postgres_binaries()
    if binaries is None:
        pytest.skip(f"no PostgreSQL: set {POSTGRES_URL_VARIABLE} or install the package postgresql")
    user = choose_server_user()
    # Not tmp_path: the server's user may not look into that.
    folder = Path(tempfile.mkdtemp(prefix="pneumodesk-pg-", dir="/tmp"))
    if user:
        shutil.chown(folder, user)

    def run(*command: str) -> None:
        subprocess.run(
            [binaries / command[0], *command[1:]],
            user=user,
            cwd=folder,
            check=True,
            stdout=subprocess.DEVNULL,
            timeout=PATIENCE_SECONDS,
        )

    data = str(folder / "data")
    try:
        run("initdb", "-D", data, "-U", "tester", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync")
        options = f"-c listen_addresses='' -c fsync=off -k {folder}"
        run("pg_ctl", "-D", data, "-w", "-l", str(folder / "log"), "-o", options, "start")
        yield f"postgresql://tester@/postgres?host={folder}"
        run("pg_ctl", "-D", data, "-m", "immediate", "stop")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def postgres_url(postgres_server: str) -> Iterator[str]:
    """Give the URL of an empty database of this test's own."""
    name = f"pneumodesk_test_{uuid.uuid4().hex[:12]}"
    server = create_engine(parse_url(postgres_server), isolation_level="AUTOCOMMIT")
    with server.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
    yield parse_url(postgres_server).set(database=name).render_as_string(hide_password=False)
    with server.connect() as connection:
        connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
    server.dispose()


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Give the URL of an empty database of each kind."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'desk.db'}"
    return request.getfixturevalue("postgres_url")


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    """Give an engine on an empty database of each kind."""
    engine = make_engine(database_url)
    yield engine
    engine.dispose()
