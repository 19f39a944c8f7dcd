"""`python -m core sweep …`, in this process and with nobody who carries out the queue."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from core.cli.commands import app
from core.errors import SettingsError
from core.settings import get_settings
from tests.no_workers import let_nobody_work


@pytest.fixture(autouse=True)
def nobody_works(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A home of its own, and no queue is carried out."""
    monkeypatch.setenv("PNEUMODESK_HOME", str(tmp_path / "home"))
    get_settings.cache_clear()
    let_nobody_work(monkeypatch)
    yield
    get_settings.cache_clear()


def sweep(*words: str) -> str:
    done = CliRunner().invoke(app, ["sweep", *words], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.stdout


def test_a_grid_is_started_shown_stopped_and_resumed(tmp_path: Path) -> None:
    """Options make the base, `--vary` the runs; the documents say how each stands."""
    words = ("--vary", "dropout=0.1,0.2", "--epochs", "2", "--seeds", "0..1", "--json")
    started = json.loads(sweep("start", "--data", str(tmp_path), *words))
    assert started["num_trials"] == 4
    shown = json.loads(sweep("show", started["sweep_id"][:6], "--json"))
    assert [trial["settings"] for trial in shown["trials"]] == [
        {"dropout": dropout, "seed": seed} for dropout in (0.1, 0.2) for seed in (0, 1)
    ]
    assert shown["request"]["base"]["epochs"] == 2
    stopped = json.loads(sweep("stop", started["sweep_id"], "--json"))
    assert {trial["state"] for trial in stopped["trials"]} == {"stopped"}
    resumed = json.loads(sweep("resume", started["sweep_id"], "--json"))
    assert {trial["state"] for trial in resumed["trials"]} == {"queued"}
    assert [line["state"] for line in json.loads(sweep("list", "--json"))] == ["running"]


def test_a_ready_sweep_takes_the_options_that_are_given(tmp_path: Path) -> None:
    """The original study's networks for one epoch at 64 pixels; what was not named stays the study's."""
    words = ("--ready-made", "architectures", "--epochs", "1", "--image-size", "64", "--json")
    started = json.loads(sweep("start", "--data", str(tmp_path), *words))
    base = json.loads(sweep("show", started["sweep_id"], "--json"))["request"]["base"]
    assert (started["num_trials"], base["epochs"], base["image_size"], base["batch_size"]) == (6, 1, 64, 128)


def test_trials_make_a_search(tmp_path: Path) -> None:
    """Its runs come later; it is shown in words as well."""
    words = ("--vary", "learning_rate=1e-4..1e-2:log", "--trials", "5", "--pruning", "hyperband", "--name", "rates")
    assert "of 5 runs is queued" in sweep("start", "--data", str(tmp_path), *words)
    (line,) = json.loads(sweep("list", "--json"))
    assert (line["kind"], line["counts"]["num_trials"]) == ("search", 5)
    assert "No run of it" in sweep("show", line["id"])


def test_nothing_to_vary_is_said(tmp_path: Path) -> None:
    """Without choices, seeds or a ready-made sweep there is nothing to run."""
    with pytest.raises(SettingsError, match="needs the seeds"):
        sweep("start", "--data", str(tmp_path))
