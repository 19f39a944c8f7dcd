"""Brings the database to the newest schema, by itself, whenever a process first uses it."""

from pathlib import Path

from sqlalchemy import Connection, Engine, inspect, text

from db.engine import BEGIN_OPTION
from db.migrations import HEAD_REVISION
from db.problems import DatabaseProblem, database_problems, mark, name_database

SCRIPT_FOLDER = Path(__file__).parent / "migrations"
VERSION_TABLE = "alembic_version"
# Any fixed number that no other program is likely to use as its advisory lock in the same PostgreSQL database.
POSTGRES_LOCK_KEY = 7_366_381_142


def upgrade_to_head(engine: Engine) -> None:
    """Upgrade the schema to the newest revision in one transaction; one short query when it is there already.

    Processes that start at once wait for one another. Raises DatabaseProblem if the database is damaged, locked,
    unreachable, written by a newer PneumoDesk, or some other program's.
    """
    with database_problems(engine):
        if read_revision(engine) == HEAD_REVISION:
            return
        connection = engine.connect().execution_options(**{BEGIN_OPTION: "IMMEDIATE"})
        with connection:
            # Its own connection, closed at the end: the settings below must not reach the pool.
            connection.detach()
            prepare_connection(connection)
            with connection.begin():
                upgrade_in_transaction(connection)


def read_revision(engine: Engine) -> str | None:
    """Return the schema revision of the database, None for one without any."""
    with engine.connect() as connection:
        return read_revision_on(connection)


def read_revision_on(connection: Connection) -> str | None:
    """Return the schema revision seen by this connection, None if it has none."""
    if not inspect(connection).has_table(VERSION_TABLE):
        return None
    return connection.execute(text(f"SELECT version_num FROM {VERSION_TABLE}")).scalar()


def prepare_connection(connection: Connection) -> None:
    """Turn foreign keys off for SQLite, where rebuilding a table would otherwise delete the rows that refer to it."""
    if connection.dialect.name == "sqlite":
        # At the driver: SQLAlchemy would begin a transaction, in which SQLite ignores this.
        connection.connection.cursor().execute("PRAGMA foreign_keys = OFF")


def upgrade_in_transaction(connection: Connection) -> None:
    """Run the missing steps, holding the lock that keeps other processes out until the commit."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": POSTGRES_LOCK_KEY})
    revision = read_revision_on(connection)
    if revision == HEAD_REVISION:
        return
    refuse_foreign_schema(connection, revision)
    run_migrations(connection)
    refuse_broken_references(connection)


def refuse_foreign_schema(connection: Connection, revision: str | None) -> None:
    """Raise DatabaseProblem if the revision is not one of ours, or the tables are another program's."""
    # Alembic is loaded only here, because it costs more than everything else that happens at head.
    from alembic.script import ScriptDirectory

    name = name_database(connection.engine.url)
    known = {script.revision for script in ScriptDirectory(str(SCRIPT_FOLDER)).walk_revisions()}
    if revision is not None and revision not in known:
        raise DatabaseProblem(
            mark(
                "The database {database} has the schema {revision}, which this PneumoDesk (schema {own_revision}) does "
                "not know: a newer one wrote it. Start the newer PneumoDesk, or set PNEUMODESK_HOME to another folder."
            ),
            database=name,
            revision=revision,
            own_revision=HEAD_REVISION,
        )
    if revision is None and (tables := inspect(connection).get_table_names()):
        raise DatabaseProblem(
            mark(
                "The database {database} holds tables that PneumoDesk did not make ({tables}). Give PneumoDesk a "
                "database of its own by PNEUMODESK_DATABASE_URL."
            ),
            database=name,
            tables=", ".join(sorted(tables)[:3]),
        )


def run_migrations(connection: Connection) -> None:
    """Let Alembic carry out every step from where the database stands to the newest."""
    from alembic import command
    from alembic.config import Config

    config = Config()
    # Config reads "%" as the start of a substitution.
    config.set_main_option("script_location", str(SCRIPT_FOLDER).replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, HEAD_REVISION)


def refuse_broken_references(connection: Connection) -> None:
    """Raise DatabaseProblem, undoing the upgrade, if a row refers to one that is gone."""
    if connection.dialect.name != "sqlite":
        return
    broken = connection.exec_driver_sql("PRAGMA foreign_key_check").fetchall()
    if broken:
        raise DatabaseProblem(
            mark(
                "The database {database} has {num_rows} rows that refer to missing ones, first in the table {table}; "
                "it was left as it was. Put a backup in its place."
            ),
            database=name_database(connection.engine.url),
            num_rows=len(broken),
            table=broken[0][0],
        )
