"""An app that queues a run and then waits to be killed: `tests.queueing_app REQUEST`, a training request in JSON."""

import sys
import time

from core.services.desk import open_desk
from core.services.runs.control import enqueue
from core.services.runs.requests import TrainRequest


def main() -> None:
    run_id = enqueue(open_desk(), TrainRequest.model_validate_json(sys.argv[1]))[0]
    print("queued", run_id, flush=True)
    time.sleep(600)
