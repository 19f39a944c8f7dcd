"""The queues of a desk: one for each kind of work, all with one way to claim, hear of, stop and find lost."""

from core.runs.executor import is_alive_here
from core.runs.queueing import RUNS
from core.runs.work_queue import Sessions, WorkQueue
from db.models import Batch, Examination

BATCHES = WorkQueue(Batch)
IMPORTS = WorkQueue(Examination)
QUEUES: tuple[WorkQueue, ...] = (BATCHES, IMPORTS, RUNS)


def find_all_lost(reading: Sessions, transaction: Sessions) -> None:
    """Write `lost` for work of every kind whose process is gone; what a cluster carries out is left to who asks it."""
    for queue in QUEUES:
        queue.find_lost(reading, transaction, is_alive_here)
