"""Another host on the same database: `python -m tests.other_host HOME URL SKEW ID…`.

As the host that PNEUMODESK_HOST names, and by a clock that is SKEW seconds fast, it says what it finds lost, claims the
batch, the import and the run of these ids, and gives signs of life until it is killed.
"""

import sys
import time
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path

import core.runs.heartbeat
import core.runs.work_queue
import db.clock
from core.runs.heartbeat import Heartbeat
from core.runs.queues import QUEUES
from db.base import utc_now
from tests.small_desk import small_desk


def main() -> None:
    home, url, skew, *ids = sys.argv[1:]
    db.clock.utc_now = core.runs.work_queue.utc_now = lambda: utc_now() + timedelta(seconds=float(skew))
    core.runs.heartbeat.SECONDS_BETWEEN_BEATS = 0.05
    desk = small_desk(Path(home), database_url=url)
    with ExitStack() as beating:
        for queue, key in zip(QUEUES, ids, strict=True):
            with desk.transaction() as session:
                print(*queue.reconcile(session), sep=",", flush=True)
                assert queue.claim(session, key)
            beating.enter_context(Heartbeat(desk.transaction, queue, key))
        print("claimed", flush=True)
        time.sleep(600)


if __name__ == "__main__":
    main()
