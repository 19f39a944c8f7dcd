"""The supervisor process: starts queued runs and sweeps until nothing is left to do."""

from core.runs.supervisor import supervise
from core.services.desk import open_desk
from core.services.runs.supervision import LOCK_FILE, executor_of
from core.services.sweeps.search_loop import SweepTender


def main() -> None:
    """Drain the queue."""
    desk = open_desk()
    desk.settings.runs.mkdir(parents=True, exist_ok=True)
    supervise(desk.reading, desk.transaction, executor_of(desk), desk.settings.runs / LOCK_FILE, SweepTender(desk))


if __name__ == "__main__":
    main()
