"""Tables and ensembles of runs on the Experiments page, without a browser."""

from functools import partial
from unittest.mock import create_autospec

import pytest
from streamlit.testing.v1 import AppTest

from core.services.desk import Desk
from core.services.experiments.ensembles import list_ensembles
from core.services.models.inference_cost import ModelCost, keep_cost
from core.ui import navigation
from core.ui.experiments import together
from tests.app.opened_page import open_page
from tests.made_runs import add_run, give_checkpoint, made_films

RUNS = ("first0", "second")


@pytest.fixture
def two_runs(desk: Desk) -> Desk:
    films = made_films(60)
    for seed, run_id in enumerate(RUNS):
        add_run(desk, run_id, name=f"Run {seed}", seed=seed, films=films, splits=("validation", "calibration"))
        give_checkpoint(desk, run_id, 32, seed)
    return desk


page = partial(open_page, "experiments")


def make(app: AppTest):
    return next(button for button in app.button if "Make the ensemble" in button.label)


def captions(app: AppTest) -> str:
    return " ".join(caption.value for caption in app.main.caption)


def test_runs_become_one_row_with_what_is_left_to_measure(two_runs: Desk) -> None:
    """Two seeds are one row; what is not measured is said and offered; the tuning table is one click away."""
    app = page(table=",".join(RUNS))
    assert not app.exception
    (table,) = app.dataframe
    assert len(table.value) == 1 and table.value["Run ids"][0] == "first0 second"
    assert "to" in table.value["AUC"][0]
    assert any("Of 2 runs the speed" in one.value for one in app.markdown)
    assert "mildly optimistic" in captions(app) and "nothing to draw" in captions(app)
    app.segmented_control(key="experiments.table_kind").set_value("Tuning").run()
    assert not app.exception
    assert "Learning rate" in app.dataframe[0].value.columns


def test_measured_costs_stand_in_the_table(two_runs: Desk) -> None:
    """Once each checkpoint is measured there is nothing to measure, and the costs have their columns and figure."""
    from core.services.runs.record import get_record

    for run_id in RUNS:
        keep_cost(two_runs, get_record(two_runs, run_id).checkpoint_hash, ModelCost(99, 300, 9, 2_200_000, 0.6, "x"))
    app = page(table=",".join(RUNS))
    assert not app.exception
    assert app.dataframe[0].value["Parameters"][0] == "2.2 M"
    assert not [button for button in app.button if button.label == "Measure"]
    assert "logarithmic" in captions(app)


def test_marked_runs_become_an_ensemble_that_is_compared(two_runs: Desk) -> None:
    """A name is asked for in a sentence; the ensemble made is listed and is shown beside its members with verdicts."""
    app = page(ensemble=",".join(RUNS))
    assert not app.exception and "no ensemble yet" in captions(app)
    make(app).click().run()
    assert "needs a name" in app.error[0].value
    app.text_input(key="experiments.ensemble_name").set_value("both")
    make(app).click().run()
    assert not app.exception and [one.value for one in app.error] == []
    assert [one.name for one in list_ensembles(two_runs)] == ["both"]
    listed, members = app.dataframe
    assert list(listed.value["Ensemble"]) == ["both"]
    assert list(members.value["Model"]) == ["both (the ensemble)", *RUNS]
    assert sum("against" in one.value for one in app.markdown) >= 2


def test_runs_that_are_not_there_are_a_sentence(desk: Desk) -> None:
    """An address with a run or a sweep that nobody made shows a sentence and the way back."""
    for query in ({"table": "nowhere"}, {"sweep": "nowhere"}, {"ensemble": "nowhere"}):
        app = page(**query)
        assert not app.exception and "nowhere" in app.error[0].value
        assert any(button.label == "All runs" for button in app.button)


def test_the_marked_runs_are_gone_on_from_together(monkeypatch: pytest.MonkeyPatch) -> None:
    """The button leads to the form of a new run whose address names every marked run."""
    going = create_autospec(navigation.go_to)
    monkeypatch.setattr(together, "go_to", going)

    def marked() -> None:
        from core.ui.experiments.together import together_buttons

        together_buttons(("first0", "second"))

    app = AppTest.from_function(marked).run()
    app.button(key="experiments.to_mean").click().run()
    assert not app.exception
    going.assert_called_once_with("training", view="new", **{"from": "first0,second"})
