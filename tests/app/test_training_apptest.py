"""The Training page's parts, without a browser."""

import shutil
from functools import partial
from pathlib import Path

import pytest

from core.dataset.splitting import SplitConfig
from core.reasons import Said, store
from core.runs.failures import Failure, FailureKind
from core.runs.process_identity import ProcessIdentity
from core.services.datasets import indexing
from core.services.datasets.splits import save_split
from core.services.desk import Desk
from core.services.runs.launch_preview import equal_command
from core.services.runs.requests import TrainRequest, record_run
from core.training.config import TrainingConfig
from core.work_reasons import NextStep, SmallerBatchFits, StepNeedsMemory
from db import models as tables
from db.base import utc_now
from db.states import State
from tests.app.opened_page import open_page
from tests.named_processes import name_process
from tests.no_workers import let_nobody_work


@pytest.fixture
def small_cohort(real_data: Path, tmp_path: Path) -> Path:
    root = tmp_path / "ward"
    for label in ("NORMAL", "PNEUMONIA"):
        films = sorted((real_data / "chest_xray" / "train" / label).iterdir())[:40]
        (root / "train" / label).mkdir(parents=True)
        for film in films:
            shutil.copyfile(film, root / "train" / label / film.name)
    return root


page = partial(open_page, "training")


def ended_run(desk: Desk, data: Path, state: State, **columns: object) -> str:
    run_id = record_run(desk, TrainRequest(data=data, name="by hand", config=TrainingConfig(epochs=3)), state)
    with desk.transaction() as session:
        run = session.get_one(tables.Run, run_id)
        run.finished_at = utc_now()
        for name, value in columns.items():
            setattr(run, name, value)
    return run_id


def test_an_empty_desk_says_what_to_do(desk: Desk) -> None:
    """Nothing was trained: the page says so and leads to the form, which asks for a folder first."""
    test = page()
    assert not test.exception
    assert "No model has been trained here yet" in test.markdown[0].value
    test.button("training.first").click().run()
    assert any("No dataset yet" in text.value for text in test.markdown)


def test_the_form_has_a_widget_for_every_choice(desk: Desk, small_cohort: Path) -> None:
    """Each field of the config but the seed, which several runs share out, is in the form with its help."""
    indexing.index(desk, small_cohort)
    test = page(view="new")
    assert not test.exception
    widgets = [*test.selectbox, *test.number_input, *test.text_input]
    shown = {widget.key.rpartition(".")[2]: widget for widget in widgets if ".form." in (widget.key or "")}
    assert set(shown) == set(TrainingConfig.model_fields) - {"seed"}
    assert all(widget.help for widget in shown.values())
    assert shown["epochs"].value == 40
    assert shown["batch_size"].min == 2


def test_choices_that_do_not_go_together_are_said_and_cannot_be_launched(desk: Desk, small_cohort: Path) -> None:
    """Frozen with a varying recipe is refused in words; there is nothing to press until it is mended."""
    indexing.index(desk, small_cohort)
    test = page(view="new")
    recipe = next(box for box in test.selectbox if (box.key or "").endswith(".recipe"))
    recipe.select("Strong").run()
    assert any("choose recipe" in error.value for error in test.error)
    assert "training.launch" not in {button.key for button in test.button}


def test_a_failed_run_says_why_and_what_to_do(desk: Desk, small_cohort: Path) -> None:
    """The explanation and the next step stand on the run's page, with a way to resume it."""
    failure = Failure(FailureKind.OUT_OF_MEMORY, StepNeedsMemory(), SmallerBatchFits(16))
    reasons = store([failure.explanation])
    run_id = ended_run(desk, small_cohort, State.FAILED, failure=failure.document(), reasons=reasons)
    test = page(run=run_id)
    assert not test.exception
    assert any("There was not enough memory for a training step." in text.value for text in test.markdown)
    assert any("a batch of 16 images would fit" in text.value for text in test.caption)
    assert "training.resume" in {button.key for button in test.button}


def test_the_end_of_a_run_is_told_once_in_a_toast(desk: Desk, small_cohort: Path) -> None:
    """A run that ends while the page is open is said with how it ended, on its own page and on the list; only once."""
    run_id = ended_run(desk, small_cohort, State.RUNNING, finished_at=None)
    mine = ProcessIdentity.current()
    with desk.transaction() as session:
        run = session.get_one(tables.Run, run_id)
        name_process(run, mine)
    test = page(run=run_id)
    assert not test.toast
    with desk.transaction() as session:
        run = session.get_one(tables.Run, run_id)
        run.state, run.finished_at = State.COMPLETED.value, utc_now()
    test.run()
    assert [toast.value for toast in test.toast] == ["by hand: completed."]
    test.run()
    assert not test.toast


def test_the_logs_end_stands_with_the_failure(desk: Desk, small_cohort: Path) -> None:
    """What the run wrote last is kept with its failure, though its folder is gone."""
    failure = Failure(FailureKind.DISK_FULL, Said("It is full."), NextStep("disk full"), "last words")
    test = page(run=ended_run(desk, small_cohort, State.FAILED, failure=failure.document()))
    assert "last words" in [code.value for code in test.code]


def test_a_run_can_be_cloned_with_changes(desk: Desk, small_cohort: Path) -> None:
    """The form of a clone begins with the run's own choices."""
    indexing.index(desk, small_cohort)
    run_id = ended_run(desk, small_cohort, State.STOPPED)
    test = page(view="new", like=run_id)
    epochs = next(box for box in test.number_input if (box.key or "").endswith(".epochs"))
    assert epochs.value == 3


def test_a_form_goes_on_from_runs(desk: Desk, small_cohort: Path) -> None:
    """It begins with the mean of the runs that the address names; an unknown one is said, with the way back."""
    indexing.index(desk, small_cohort)
    runs = [ended_run(desk, small_cohort, State.COMPLETED) for _ in range(2)]
    test = page(view="new", **{"from": ",".join(runs)})
    assert not test.exception
    field = {(box.key or "").rpartition(".")[2]: box.value for box in (*test.selectbox, *test.text_input)}
    assert (field["weights"], field["average_of"], field["name"]) == (
        "runs",
        ",".join(runs),
        "on from the mean of 2 runs",
    )
    assert any("mean of 2 runs" in caption.value for caption in test.caption)
    test = page(view="new", **{"from": "unheard-of"})
    assert not test.exception
    assert "There is no run" in test.error[0].value and test.button("training.leave")


def test_an_unknown_run_is_said_in_words(desk: Desk) -> None:
    """The address of a run that is not there says so and leads back."""
    test = page(run="unheard-of")
    assert not test.exception
    assert "There is no run" in test.error[0].value


def test_the_equal_command_names_only_what_differs(tmp_path: Path) -> None:
    """One line for each seed, with the options that are not the defaults."""
    config = TrainingConfig(epochs=2, recipe="none", fine_tuning="frozen")
    assert equal_command(Path("/films of may"), config, name="first", seeds=(1, 2)).splitlines() == [
        f"python -m core train --queue --data '/films of may' --name first --fine-tuning frozen --recipe none "
        f"--epochs 2 --seed {seed}"
        for seed in (1, 2)
    ]


def test_a_saved_split_is_chosen_by_its_name(desk: Desk, small_cohort: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The form offers it, asks no more for shares, and the launched run is on it; a clone begins with it."""
    let_nobody_work(monkeypatch)
    save_split(desk, indexing.index(desk, small_cohort), SplitConfig(validation_fraction=0.2), "baseline")
    test = page(view="new")
    box = next(box for box in test.selectbox if (box.key or "").startswith("training.split."))
    box.select("baseline").run()
    assert not any((field.key or "").endswith(".validation_fraction") for field in test.number_input)
    assert any("validation" in text.value and "fingerprint" in text.value for text in test.caption)
    test.button("training.launch").click().run()
    assert not test.exception
    with desk.reading() as session:
        run = session.query(tables.Run).one()
    assert (run.split_name, run.config["validation_fraction"]) == ("baseline", 0.2)
    clone = page(view="new", like=run.id)
    box = next(box for box in clone.selectbox if (box.key or "").startswith("training.split."))
    assert box.value == "baseline"
    sweep = page(view="new_sweep")
    box = next(box for box in sweep.selectbox if (box.key or "").startswith("training.sweep.split"))
    box.select("baseline").run()
    assert not sweep.exception
    assert not any((field.key or "").endswith(".holdout_fraction") for field in sweep.number_input)
