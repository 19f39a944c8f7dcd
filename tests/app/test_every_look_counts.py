"""Every door of the desk that shows figures of images that may not select counts it, and no door is left out."""

import re
import zipfile
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import typer
from sqlalchemy import func, select
from starlette.testclient import TestClient
from streamlit.testing.v1 import AppTest
from typer.testing import CliRunner

from core.api.application import create_api
from core.api.settings import ApiSettings
from core.cli.commands import app
from core.services.desk import Desk
from core.services.evaluation import test_set_access
from core.services.evaluation.predictions import is_selection_split, keep_predictions
from core.services.experiments.ensembles import EnsembleRequest, create_ensemble
from core.services.models.lookup import model_card
from core.services.registry import onnx_export
from core.services.registry.promotion import PromoteRequest, promote
from db import models as tables
from db.base import utc_now
from tests.made_runs import add_run, give_checkpoint, made_films, made_logits, predicted
from tests.patience import PATIENCE_SECONDS

ROOT = Path(__file__).resolve().parents[2]
RUNS = ("aaaaaaaaaaaa", "bbbbbbbbbbbb")
# What each command of the command line is called with; OUT is a new folder.
COMMANDS = {
    "runs compare": [*RUNS, "--split", "test"],
    "runs export": ["--json"],
    "runs list": ["--json"],
    "runs show": [RUNS[0], "--json"],
    "runs points": [f"run:{RUNS[0]}"],
    "models list": ["--json"],
    "models history": [],
    "models compare": ["ward@1", "ward@2"],
    "models card": ["ward@1", "--json"],
    "models export": [f"run:{RUNS[0]}", "OUT/model"],
    "models pack": ["ward@1", "OUT/ward.zip"],
    "models onnx": ["ward@1", "OUT/ward.onnx"],
    "ensemble list": ["--json"],
    "ensemble show": ["both", "--json"],
    "ensemble compare": ["both", "--no-cost", "--split", "test", "--json"],
    "tables architectures": ["--runs", RUNS[0], "--no-measure", "--json"],
    "tables tuning": ["--runs", RUNS[0], "--no-measure", "--json"],
    "records export": ["--runs", RUNS[0], "--out", "OUT"],
    "sweep list": [],
    "splits list": [],
    "worklist audit": ["--json"],
}
SHOWING = {
    *("runs compare", "models compare", "models card", "models export", "models pack"),
    *("models onnx", "ensemble compare", "tables architectures", "tables tuning", "records export"),
    *("/v1/evaluations", "/v1/models/{name}", "models.py?model=ward@1", f"experiments.py?table={RUNS[0]}"),
}
NO_FIGURES = {
    "images of a batch, not of a labelled split": (
        "triage",
        *(f"worklist {name}" for name in ("list", "judge", "export", "undo", "assign", "agreement", "rules")),
        *("report batch", "report study", "delete", "undelete", "phantoms"),
    ),
    "figures that are counted as an evaluation": ("evaluate", "stress"),
    "single predictions, whose count has a test of its own": ("runs predictions",),
    "nothing of a label": ("gate", "index"),
    "figures of folds that may select alone": (
        *("train", "ensemble create", "models choose-point", "runs choose-point"),
        *("sweep start", "sweep show", "sweep stop", "sweep resume", "runs follow"),
    ),
    "no figure at all": (
        *("backup", "backup-key", "restore", "records import", "models import", "models promote", "models activate"),
        *("models rollback", "models archive", "models restore", "splits save", "splits adopt"),
        *(f"runs {name}" for name in ("delete", "restore", "purge", "stop", "kill", "resume", "requeue", "clean")),
        *("keys make", "keys list", "keys revoke"),
    ),
}
PARAMETERS = {"{name}": "ward@1", "{run_id}": RUNS[0]}
QUERIES = {
    "experiments.py": [{"run": RUNS[0]}, {"compare": ",".join(RUNS)}, {"table": RUNS[0]}, {"ensemble": "all"}],
    "models.py": [{"model": "ward@1"}],
}


class Clock:
    """A clock that continues by hours between doors: what one showed is not what the next one shows again."""

    def __init__(self) -> None:
        self.ahead = timedelta()

    def __call__(self):
        return utc_now() + self.ahead


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(test_set_access, "utc_now", clock)
    return clock


@pytest.fixture
def walked(desk: Desk, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    """Two runs, both promoted, and an ensemble of them; their test and held-out figures are like no others."""
    for seed, run_id in enumerate(RUNS):
        add_run(desk, run_id, name=run_id, seed=seed, films=made_films(60), splits=("validation", "calibration"))
        give_checkpoint(desk, run_id, 32, seed)
        hash_ = model_card(desk, f"run:{run_id}").weights_hash
        for split, number in (("test", 7), ("holdout", 8)):
            films = made_films(47, seed=number, prefix=split)
            with desk.transaction() as session:
                keep_predictions(session, predicted(hash_, split, films, made_logits(films, -0.9, seed + number)))
        folds = pd.DataFrame({"file": ["a.png"], "fold": ["train"]})
        folds.to_csv(desk.settings.runs / run_id / "split.csv", index=False)
        promote(desk, PromoteRequest(source=f"run:{run_id}", name="ward"))
    create_ensemble(desk, EnsembleRequest(name="both", runs=RUNS))
    # What the graph computes is another test's.
    monkeypatch.setattr(
        onnx_export, "_write", lambda model, path, images: (path.write_bytes(b"") and None) or np.zeros(8)
    )
    monkeypatch.setattr(onnx_export, "_read", lambda path, images: (np.zeros(8), "none"))
    clock.ahead += timedelta(hours=1)
    yield desk
    desk.engine.dispose()


def marks(desk: Desk) -> re.Pattern[str]:
    """The AUCs of all images that may not select, as doors write them: whole, or rounded to three or four digits."""
    with desk.reading() as session:
        rows = session.execute(select(tables.PredictionSet.split, tables.PredictionSet.report)).all()
    aucs = [report["auc"] for split, report in rows if not is_selection_split(split)]
    written = {re.escape(text) for auc in aucs for text in (str(auc), f"{auc:.3f}", f"{auc:.4f}")}
    return re.compile(rf"(?<!\d)({'|'.join(written)})(?!\d)")


def num_looks(desk: Desk) -> int:
    """How many looks at images that may not select are counted."""
    row_of = tables.Evaluation
    with desk.reading() as session:
        return session.scalar(
            select(func.count()).select_from(row_of).where(row_of.split.in_(("test", "holdout", "all")))
        )


def text_of(folder: Path) -> str:
    """All texts that a command wrote, those in archives too."""
    texts = []
    for path in sorted(one for one in folder.rglob("*") if one.is_file()):
        if zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as archive:
                texts += [archive.read(name).decode(errors="ignore") for name in archive.namelist()]
        else:
            texts.append(path.read_text(errors="ignore"))
    return " ".join(texts)


def leaves(command: typer.core.TyperCommand, *path: str) -> Iterator[str]:
    """The names of all commands."""
    if not hasattr(command, "commands"):
        yield " ".join(path)
        return
    for name, child in command.commands.items():
        yield from leaves(child, *path, name)


def page_text(page: AppTest) -> str:
    """Everything that a page shows."""
    assert not page.exception
    values = [getattr(element, "value", "") for element in page.main]
    return " ".join(value.to_csv() if isinstance(value, pd.DataFrame) else str(value) for value in values)


def walk(desk: Desk, clock: Clock, doors: dict[str, Callable[[], str]]) -> set[str]:
    """Go through all doors and return those that show figures of images that may not select, having counted it."""
    shown, silent, wanted = set(), {}, marks(desk)
    for name, door in doors.items():
        clock.ahead += timedelta(hours=1)
        before = num_looks(desk)
        text = door()
        if found := wanted.search(text):
            shown.add(name)
            if num_looks(desk) == before:
                silent[name] = text[max(0, found.start() - 60) : found.end()]
    assert not silent, f"these doors show figures and count nothing: {silent}"
    return shown


def test_every_command_that_shows_them_counts(walked: Desk, clock: Clock, tmp_path: Path) -> None:
    """All commands are run, or are named with why they show nothing of the kind; a new one has to be either."""
    known = {*COMMANDS, *(name for names in NO_FIGURES.values() for name in names)}
    assert set(leaves(typer.main.get_command(app))) == known

    def door(name: str) -> Callable[[], str]:
        out = tmp_path / name.replace(" ", "-")
        out.mkdir()
        arguments = [one.replace("OUT", str(out)) for one in COMMANDS[name]]

        def run() -> str:
            done = CliRunner().invoke(app, [*name.split(), *arguments], catch_exceptions=False)
            assert done.exit_code == 0, (name, done.output)
            return done.output + text_of(out)

        return run

    assert walk(walked, clock, {name: door(name) for name in COMMANDS}) == SHOWING & set(COMMANDS)


def test_every_address_of_the_rest_api_that_shows_them_counts(walked: Desk, clock: Clock) -> None:
    """All addresses that can be fetched are fetched, with names that are there or with some that are not."""
    CliRunner().invoke(app, ["runs", "compare", *RUNS, "--split", "test"], catch_exceptions=False)
    api = create_api(ApiSettings(requests_per_minute=100_000))
    program = TestClient(api, base_url="http://localhost:8001")
    addresses = [path for path, methods in api.openapi()["paths"].items() if "get" in methods]
    assert "/v1/runs/{run_id}" in addresses

    def door(path: str) -> Callable[[], str]:
        for name, value in PARAMETERS.items():
            path = path.replace(name, value)
        return lambda: program.get(re.sub(r"\{\w+\}", "1", path)).text

    shown = walk(walked, clock, {path: door(path) for path in addresses})
    assert shown == {name for name in SHOWING if name.startswith("/")}


def test_the_list_of_looks_does_not_grow_as_it_is_read(walked: Desk, clock: Clock) -> None:
    """Looking at the list is counted and leaves it as it is, so that its pages do not shift."""
    CliRunner().invoke(app, ["runs", "compare", *RUNS, "--split", "test"], catch_exceptions=False)
    program = TestClient(create_api(ApiSettings()), base_url="http://localhost:8001")
    clock.ahead += timedelta(hours=1)
    first = program.get("/v1/evaluations?limit=1").json()
    second = program.get(first["next"]).json()
    ids = [page["items"][0]["id"] for page in (first, second)]
    clock.ahead += timedelta(hours=1)
    again = [item["id"] for item in program.get("/v1/evaluations?limit=2").json()["items"]]
    assert again == ids and len(set(ids)) == 2


def test_every_page_that_shows_them_counts_once_a_visit(walked: Desk, clock: Clock) -> None:
    """All pages are opened with all they can be asked for; a page that runs again shows and counts nothing new."""
    names = [path.name for path in sorted((ROOT / "pages").glob("*.py"))]
    asked = [(name, query) for name in names for query in ({}, *QUERIES.get(name, ()))]
    opened: dict[str, AppTest] = {}

    def door(name: str, query: dict[str, str]) -> Callable[[], str]:
        def show() -> str:
            page = AppTest.from_file(str(ROOT / "core" / "ui" / "desk.py"), default_timeout=PATIENCE_SECONDS).run()
            for key, value in query.items():
                page.query_params[key] = value
            page.switch_page(f"../../pages/{name}")
            opened[called(name, query)] = page
            return page_text(page.run())

        return show

    shown = walk(walked, clock, {called(name, query): door(name, query) for name, query in asked})
    assert shown == {name for name in SHOWING if ".py" in name}
    for name in shown:
        clock.ahead += timedelta(hours=1)
        before = num_looks(walked)
        assert marks(walked).search(page_text(opened[name].run()))
        assert num_looks(walked) == before
    run = opened[called("experiments.py", {"run": RUNS[0]})]
    run.segmented_control(key=f"experiments.split.{RUNS[0]}").set_value("test").run()
    closed = page_text(run)
    button = next(one for one in run.button if one.label == "Open the test figures")
    before = int(re.search(r"accessed (\d+) times on this desk", closed)[1])
    after = page_text(button.click().run())
    assert not marks(walked).search(closed) and marks(walked).search(after)
    assert f"Opened {before + 1} times on this desk" in after


def called(name: str, query: dict[str, str]) -> str:
    """What a page is called in this walk."""
    return "?".join((name, *("&".join(f"{key}={value}" for key, value in one.items()) for one in [query] if one)))
