"""The queue of runs: who is next, who is lost, and that no clock, reboot or second supervisor confuses it."""

import dataclasses
import threading
from datetime import timedelta
from pathlib import Path

import pytest

from core.errors import SettingsError
from core.reasons import say
from core.runs.devices import list_devices
from core.runs.process_identity import ProcessIdentity
from core.runs.queueing import RUNS, take_next
from core.runs.supervisor import supervise
from core.services.desk import Desk
from core.services.runs.requests import TrainRequest, record_run
from core.training.config import TrainingConfig
from core.training.team import Team, device_of_rank
from db import models as tables
from db.base import utc_now
from db.states import State
from tests.named_processes import name_process
from tests.small_desk import small_desk
from tests.trivial_runs import work


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return small_desk(tmp_path)


def queued(desk: Desk, **choices: object) -> str:
    config = TrainingConfig.model_validate(choices)
    return record_run(desk, TrainRequest(data=desk.settings.home, config=config))


def carried_out_by(desk: Desk, run_id: str, worker: ProcessIdentity) -> None:
    with desk.transaction() as session:
        assert RUNS.claim(session, run_id)
        run = session.get_one(tables.Run, run_id)
        name_process(run, worker)


def righted(desk: Desk, run_id: str) -> tables.Run:
    with desk.transaction() as session:
        RUNS.reconcile(session, ProcessIdentity.is_alive)
    with desk.reading() as session:
        return session.get_one(tables.Run, run_id)


@pytest.mark.parametrize(
    ("change", "kind"),
    [
        ({"boot_id": "the boot before"}, "lost power"),
        ({"started": 1.0}, "killed"),
        ({"pid": 2**22 - 1}, "killed"),
    ],
)
def test_a_run_whose_process_is_gone_is_lost_and_says_why(desk: Desk, change: dict[str, object], kind: str) -> None:
    """After a reboot it lost power; where its number is another's now, or nobody's, it was killed."""
    run_id = queued(desk)
    carried_out_by(desk, run_id, dataclasses.replace(ProcessIdentity.current(), **change))
    run = righted(desk, run_id)
    assert (run.state, run.failure["kind"]) == ("lost", kind)
    assert "continues from its last checkpoint" in str(say([run.failure["next_step"]]))


def test_the_run_of_a_living_process_is_left_alone(desk: Desk) -> None:
    """However old its heartbeat, and also where the clock was set back so that it lies ahead."""
    run_id = queued(desk)
    carried_out_by(desk, run_id, ProcessIdentity.current())
    for hours in (-5, 5):
        with desk.transaction() as session:
            session.get_one(tables.Run, run_id).heartbeat_at = utc_now() + timedelta(hours=hours)
        assert righted(desk, run_id).state == "running"


@pytest.mark.parametrize(("minutes", "state"), [(-5, "queued"), (5, "queued"), (-0.5, "starting"), (0.5, "starting")])
def test_a_handed_out_run_that_nobody_took_waits_again(desk: Desk, minutes: float, state: str) -> None:
    """A minute after it was handed out by any clock: one set back by hours does not leave it starting for ever."""
    run_id = queued(desk)
    with desk.transaction() as session:
        assert [taken.run_id for taken in take_next(session, ["cpu"])] == [run_id]
        session.get_one(tables.Run, run_id).heartbeat_at = utc_now() + timedelta(minutes=minutes)
    assert righted(desk, run_id).state == state


def test_a_run_that_was_asked_to_stop_and_is_gone_is_stopped(desk: Desk) -> None:
    """What was wanted is no failure."""
    run_id = queued(desk)
    carried_out_by(desk, run_id, dataclasses.replace(ProcessIdentity.current(), boot_id="the boot before"))
    with desk.transaction() as session:
        session.get_one(tables.Run, run_id).state = State.STOPPING.value
    run = righted(desk, run_id)
    assert (run.state, run.failure) == ("stopped", None)


def test_of_many_that_take_at_once_one_gets_the_run(desk: Desk) -> None:
    """Eight threads that look for work at one moment hand a run out once, and claim it once."""
    run_id = queued(desk)
    taken: list[str] = []
    claimed: list[bool] = []
    together = threading.Barrier(8)

    def work() -> None:
        together.wait()
        with desk.transaction() as session:
            taken.extend(one.run_id for one in take_next(session, ["cpu"]))
        with desk.transaction() as session:
            claimed.append(RUNS.claim(session, run_id))

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert taken == [run_id]
    assert sum(claimed) == 1
    with desk.reading() as session:
        assert RUNS.worker_of(session.get_one(tables.Run, run_id)) == ProcessIdentity.current()


GPUS = ("cpu", "cuda:0", "cuda:1", "cuda:2")


def places(desk: Desk, devices: tuple[str, ...] = GPUS) -> dict[str, str]:
    """Hand out what can begin on stand-in devices, and return where each run that began stands."""
    with desk.transaction() as session:
        taken = [one.run_id for one in take_next(session, devices)]
    with desk.reading() as session:
        return {run_id: session.get_one(tables.Run, run_id).device for run_id in taken}


def test_the_queue_fills_every_free_device(desk: Desk) -> None:
    """Runs that take any GPU, one that asks for its own, one for the processor: as many begin as there are devices."""
    runs = [queued(desk, device="cuda") for _ in range(4)]
    own, processor = queued(desk, device="cuda:1"), queued(desk, device="cpu")
    assert places(desk) == {runs[0]: "cuda:0", runs[1]: "cuda:1", runs[2]: "cuda:2", processor: "cpu"}
    assert places(desk) == {}
    with desk.transaction() as session:
        session.get_one(tables.Run, runs[1]).state = State.COMPLETED.value
    # The one that waits longest comes first, and the one that asks for this GPU alone after it.
    assert places(desk) == {runs[3]: "cuda:1"}
    with desk.transaction() as session:
        session.get_one(tables.Run, runs[3]).state = State.COMPLETED.value
    assert places(desk) == {own: "cuda:1"}


def test_a_run_over_several_devices_waits_for_them_and_is_not_overtaken(desk: Desk) -> None:
    """While one GPU is busy two free ones are kept for the run that needs three; afterwards it has them all."""
    first = queued(desk, device="cuda")
    assert places(desk) == {first: "cuda:0"}
    large, small = queued(desk, device="cuda", devices=3), queued(desk, device="cuda")
    assert places(desk) == {}
    with desk.transaction() as session:
        session.get_one(tables.Run, first).state = State.COMPLETED.value
    assert places(desk) == {large: "cuda:0,1,2"}
    with desk.transaction() as session:
        session.get_one(tables.Run, large).state = State.COMPLETED.value
    assert places(desk) == {small: "cuda:0"}


def test_a_run_that_asks_for_more_than_there_is_begins_and_says_so(desk: Desk) -> None:
    """It does not wait for ever: what it gets is named, and its worker refuses in words."""
    run_id = queued(desk, device="cuda", devices=4)
    assert places(desk) == {run_id: "cuda:0,1,2"}
    with pytest.raises(SettingsError, match="asks for 4 devices, and this machine has 3"):
        device_of_rank("cuda:0,1,2", Team(0, 4))
    assert [device_of_rank("cuda:0,2", Team(rank, 2)) for rank in range(2)] == ["cuda:0", "cuda:2"]
    assert device_of_rank("cpu", Team(1, 2)) == "cpu"
    alone = queued(desk, device="cuda")
    assert places(desk, ("cpu",)) == {}
    with desk.transaction() as session:
        session.get_one(tables.Run, run_id).state = State.COMPLETED.value
    assert places(desk, ("cpu",)) == {alone: "cuda:0"}


@pytest.mark.parametrize(("visible", "devices"), [("2,5", ("cpu", "cuda:0", "cuda:1")), ("", ("cpu",))])
def test_only_visible_gpus_are_devices(monkeypatch: pytest.MonkeyPatch, visible: str, devices: tuple[str, ...]) -> None:
    """GPUs that are hidden from processes are not filled, and the others are numbered as processes see them."""
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    assert list_devices() == devices


def test_two_stand_in_devices_are_drained_side_by_side(desk: Desk) -> None:
    """A supervisor with two GPUs has two runs running at once, each on its own, and never two on one."""
    runs = [queued(desk, device="cuda", epochs=1) for _ in range(5)]
    at_once: list[set[str]] = []
    going_on: set[str] = set()
    lock = threading.Lock()

    class Threads:
        """Carries runs out as threads that note on which device they are."""

        schedules_devices = False

        def start(self, run_id: str, place: str, num_devices: int) -> ProcessIdentity:
            threading.Thread(target=self.work, args=(run_id, place)).start()
            return ProcessIdentity.current()

        def work(self, run_id: str, place: str) -> None:
            with lock:
                assert place not in going_on
                going_on.add(place)
                at_once.append(set(going_on))
            work(desk, run_id, seconds_per_epoch=0.3)
            with lock:
                going_on.remove(place)

        def ask_to_end(self, worker: ProcessIdentity) -> None: ...

        def kill(self, worker: ProcessIdentity) -> None: ...

        def is_alive(self, worker: ProcessIdentity) -> bool:
            return worker.is_alive()

    lock_file = desk.settings.home / "lock"
    supervise(desk.reading, desk.transaction, Threads(), lock_file, devices=("cpu", "cuda:0", "cuda:1"))
    with desk.reading() as session:
        assert {session.get_one(tables.Run, run_id).state for run_id in runs} == {"completed"}
    assert {"cuda:0", "cuda:1"} in at_once
