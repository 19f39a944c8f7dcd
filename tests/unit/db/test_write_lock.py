"""Of many processes that read first and write then, none undoes what another wrote, on either database."""

import subprocess
import sys
from pathlib import Path

from sqlalchemy import Engine, select

from db.engine import session_factory
from db.models import Run
from db.upgrade import upgrade_to_head
from tests.unit.db.test_engine import make_run

PROJECT_ROOT = Path(__file__).resolve().parents[3]
ADD_TEN = """
import sys
from sqlalchemy import select
from db.engine import make_engine, session_factory
from db.models import Run
writing = session_factory(make_engine(sys.argv[1]), writing=True)
for _ in range(10):
    with writing.begin() as session:
        run = session.scalars(select(Run)).one()
        run.summary = {"count": run.summary.get("count", 0) + 1}
"""


def test_eight_processes_lose_no_write(engine: Engine, database_url: str) -> None:
    """Eight processes that each read a count and write it raised by one, ten times, leave 80."""
    upgrade_to_head(engine)
    with session_factory(engine).begin() as session:
        session.add(make_run())
    workers = [subprocess.Popen([sys.executable, "-c", ADD_TEN, database_url], cwd=PROJECT_ROOT) for _ in range(8)]
    assert [worker.wait(120) for worker in workers] == [0] * 8
    with session_factory(engine)() as session:
        assert session.scalars(select(Run)).one().summary == {"count": 80}
