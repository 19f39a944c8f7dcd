"""The command line does the whole job, and says what is wrong in sentences."""

import csv
import json
import shutil
from typing import Any

import pytest
import torch
import torchvision
from PIL import Image

from core.model.checkpoint import WEIGHTS_FILE
from core.settings import PROJECT_ROOT, AppSettings

COLUMNS = [
    *("file", "status", "reason", "probability", "finding", "priority", "model", "operating_point"),
    *("rank", "study", "same_image_as", "is_lifted", "verdicts", "notes", "judged_at", "rules_version"),
]
FIGURES = {
    "n",
    "auc",
    "accuracy",
    "sensitivity",
    "specificity",
    "precision",
    "f1",
    "threshold",
    "brier",
    "ece",
    "confusion",
    "ci",
}


def sentence(result: Any) -> str:
    """Return what a failed command said, having checked that it is words and no trace."""
    assert result.returncode != 0
    assert "Traceback" not in result.stderr + result.stdout
    assert result.stdout == ""
    return result.stderr


def test_a_run_is_recorded_with_its_lineage(command_line, trained_run, small_cohort) -> None:
    """A finished run is in the list with its state, config, fingerprints, code, and a number for every epoch."""
    runs = command_line.json("runs", "list")
    assert [run["state"] for run in runs] == ["completed"]
    shown = command_line.json("runs", "show", trained_run["run_id"][:6])
    assert shown["config"]["architecture"] == "efficientnet_lite0" and shown["config"]["epochs"] == 10
    assert [epoch["epoch"] for epoch in shown["epochs"]] == list(range(1, 11))
    assert shown["cohort_fingerprint"] == command_line.json("index", small_cohort)["fingerprint"]
    assert shown["environment"]["packages"]["torch"] and shown["environment"]["code"]
    assert shown["checkpoint_hash"] == trained_run["checkpoint_hash"]
    (computing,) = shown["environment"]["computing"]
    assert set(computing) >= {"device", "precision", "threads"} and "auto" not in computing.values()
    card = json.loads((command_line.home / "runs" / trained_run["run_id"] / "checkpoint" / "card.json").read_text())
    assert card["computing"] == computing


def test_the_folds_of_a_run_share_no_patient_and_no_test_film(command_line, trained_run) -> None:
    """The split kept with a run holds every training image once and no image of the test folder."""
    rows = list(csv.DictReader((command_line.home / "runs" / trained_run["run_id"] / "split.csv").open()))
    assert len(rows) == len({row["file"] for row in rows}) == 48
    assert all(row["file"].startswith("train/") for row in rows)
    assert {row["fold"] for row in rows} == {"train", "validation", "calibration"}


def test_evaluate_gives_every_figure(command_line, trained_run, small_cohort) -> None:
    """An evaluation scores every image of the split and counts how often the split was opened."""
    arguments = ("evaluate", "--model", f"run:{trained_run['run_id']}", "--data", small_cohort, "--split", "test")
    first, second = command_line.json(*arguments), command_line.json(*arguments)
    assert set(first) >= FIGURES
    assert first["n"] == 10 and sum(first["confusion"].values()) == 10
    assert set(first["ci"]) >= {"auc", "accuracy", "sensitivity", "specificity"}
    assert first["auc"] > 0.9
    assert (first["num_openings"], second["num_openings"]) == (1, 2)
    assert (first["from_stored_predictions"], second["from_stored_predictions"]) == (False, True)
    assert {name: first[name] for name in FIGURES} == {name: second[name] for name in FIGURES}


def test_evaluate_works_where_other_splits_are_missing(command_line, trained_run, small_cohort, tmp_path) -> None:
    """A folder that holds only the split asked for is enough."""
    shutil.copytree(small_cohort / "test", tmp_path / "test")
    figures = command_line.json("evaluate", "--model", f"run:{trained_run['run_id']}", "--data", tmp_path)
    assert figures["n"] == 10


def test_evaluating_one_class_leaves_the_rest_undefined(command_line, trained_run, small_cohort, tmp_path) -> None:
    """With images of one class only, what cannot be known is null and nothing fails."""
    shutil.copytree(small_cohort / "test" / "NORMAL", tmp_path / "test" / "NORMAL")
    figures = command_line.json("evaluate", "--model", f"run:{trained_run['run_id']}", "--data", tmp_path)
    assert figures["n"] == 5 and figures["auc"] is None and figures["sensitivity"] is None


def test_triage_ranks_every_file(command_line, trained_run, small_cohort, tmp_path) -> None:
    """Every visible file gets a row, most urgent first, unread ones first of what is reviewed; hidden ones none."""
    folder = tmp_path / "films"
    shutil.copytree(small_cohort / "test", folder)
    (folder / "notes.txt").write_text("no image")
    (folder / ".hidden.jpeg").write_text("hidden")
    Image.new("L", (200, 200), 90).save(folder / "blank.png")
    out = tmp_path / "results.csv"
    command = ("triage", folder, "--out", out, "--model", f"run:{trained_run['run_id']}", "--json")
    result = command_line(*command, "--saliency", tmp_path / "maps")
    assert result.returncode == 0, result.stderr
    document = json.loads(result.stdout)
    rows = list(csv.DictReader(out.open(encoding="utf-8")))
    assert list(rows[0]) == COLUMNS
    assert len(rows) == 12 and len({row["file"] for row in rows}) == 12
    order = {"urgent": 0, "review": 1, "routine": 2}
    read = [row for row in rows if row["status"] == "read"]
    unread = [row for row in rows if row["status"] != "read"]
    assert read
    assert {row["status"] for row in unread} == {"rejected", "failed"}
    assert {"blank.png", "notes.txt"} <= {row["file"] for row in unread}
    assert [row for row in rows if row["priority"] == "review"][: len(unread)] == unread
    assert [order[row["priority"]] for row in rows] == sorted(order[row["priority"]] for row in rows)
    assert all(row["reason"] for row in rows)
    assert all(0 <= float(row["probability"]) <= 1 and row["finding"] for row in read)
    assert all((row["probability"], row["finding"], row["priority"]) == ("", "", "review") for row in unread)
    assert len(list((tmp_path / "maps").rglob("*.jpg"))) == len(read)
    assert document["num_files"] == 12 and len(document["readings"]) == 12
    assert "not a medical device" in document["notice"]


def test_what_the_model_read_agrees_with_the_evaluation(command_line, trained_run, small_cohort, tmp_path) -> None:
    """Triage of the test images flags as many above the threshold as the evaluation counts."""
    model = f"run:{trained_run['run_id']}"
    figures = command_line.json("evaluate", "--model", model, "--data", small_cohort)
    document = command_line.json("triage", small_cohort / "test", "--model", model)
    flagged = [row for row in document["readings"] if (row["probability"] or 0) >= figures["threshold"]]
    stopped = [row for row in document["readings"] if row["probability"] is None]
    assert len(stopped) < len(document["readings"])
    assert abs(len(flagged) - figures["confusion"]["tp"] - figures["confusion"]["fp"]) <= len(stopped)


def test_an_empty_folder_gives_an_empty_list(command_line, trained_run, tmp_path) -> None:
    """A folder without files is no error: the list has a head and no rows."""
    (tmp_path / "empty").mkdir()
    out = tmp_path / "results.csv"
    model = f"run:{trained_run['run_id']}"
    result = command_line("triage", tmp_path / "empty", "--out", out, "--model", model)
    assert result.returncode == 0, result.stderr
    assert out.read_text(encoding="utf-8") == ",".join(COLUMNS) + "\n"


def test_formulas_are_text_in_a_spreadsheet(command_line, trained_run, small_cohort, tmp_path) -> None:
    """A file name that a spreadsheet would run is led by an apostrophe."""
    film = next((small_cohort / "test" / "NORMAL").iterdir())
    (tmp_path / "films").mkdir()
    shutil.copyfile(film, tmp_path / "films" / "=1+1.jpeg")
    out = tmp_path / "results.csv"
    command_line("triage", tmp_path / "films", "--out", out, "--model", f"run:{trained_run['run_id']}")
    assert next(csv.DictReader(out.open()))["file"] == "'=1+1.jpeg"


def test_the_models_that_can_be_named_are_listed(command_line, trained_run) -> None:
    """The list of models holds the bundled model and the run's."""
    names = [model["name"] for model in command_line.json("models", "list")]
    assert names == ["starter", f"run:{trained_run['run_id']}"]


def test_an_exported_model_reads_as_before(command_line, trained_run, small_cohort, tmp_path) -> None:
    """A model exported to a folder keeps its hash and its probabilities, and brings its run's record without places."""
    model, folder = f"run:{trained_run['run_id']}", tmp_path / "exported"
    result = command_line("models", "export", model, folder, "--name", "small", "--data", small_cohort)
    assert result.returncode == 0, result.stderr
    before = command_line.json("evaluate", "--model", model, "--data", small_cohort)
    after = command_line.json("evaluate", "--model", folder, "--data", small_cohort)
    assert after["checkpoint_hash"] == before["checkpoint_hash"] and after["brier"] == before["brier"]
    record = json.loads((folder / "run.json").read_text())
    assert record["id"] == trained_run["run_id"] and str(command_line.home) not in json.dumps(record)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("triage", "/no/such/folder"), "/no/such/folder"),
        (("evaluate", "--data", "/no/such/folder"), "/no/such/folder"),
        (("train", "--data", "/no/such/folder"), "/no/such/folder"),
        (("index", "/no/such/folder"), "/no/such/folder"),
        (("triage", ".", "--model", "unheard-of"), "models list"),
        (("triage", ".", "--model", "run:unheard-of"), "runs list"),
        (("runs", "show", "unheard-of"), "runs list"),
        (("train", "--data", ".", "--epochs", "0"), "--epochs 0"),
        (("train", "--data", ".", "--weights", "file"), "weights"),
        (("triage", "--no-such-flag", "."), "--no-such-flag"),
        (("train", "--data", ".", "--architecture", "alexnet"), "alexnet"),
    ],
)
def test_what_is_wrong_is_said_in_a_sentence(command_line, arguments: tuple[str, ...], words: str) -> None:
    """A wrong flag, value, folder, model or run is named, without a trace and with nothing on standard output."""
    assert words in sentence(command_line(*arguments))


def test_a_split_that_is_not_there_is_named(command_line, trained_run, small_cohort) -> None:
    """Asking for a missing split says which there are."""
    result = command_line(
        "evaluate", "--data", small_cohort, "--split", "val", "--model", f"run:{trained_run['run_id']}"
    )
    assert "test, train" in sentence(result)


def test_a_damaged_checkpoint_is_a_sentence(command_line, trained_run, tmp_path) -> None:
    """A checkpoint whose weights were changed is not used."""
    source = command_line.home / "runs" / trained_run["run_id"] / "checkpoint"
    folder = tmp_path / "damaged"
    shutil.copytree(source, folder)
    (folder / WEIGHTS_FILE).write_bytes(b"damaged")
    assert "changed or damaged" in sentence(command_line("triage", tmp_path, "--model", str(folder)))


def test_a_corrupt_database_is_a_sentence(command_line, tmp_path) -> None:
    """A database file that is none says so and is left as it is."""
    (tmp_path / "pneumodesk.db").write_bytes(b"this is no database" * 100)
    assert "database" in sentence(command_line("runs", "list", PNEUMODESK_HOME=str(tmp_path)))
    assert (tmp_path / "pneumodesk.db").read_bytes().startswith(b"this is no database")


def test_a_wrong_setting_is_a_sentence(command_line) -> None:
    """A setting that makes no sense names its variable."""
    result = command_line("runs", "list", PNEUMODESK_DECODE_THREADS="many")
    assert "PNEUMODESK_DECODE_THREADS" in sentence(result)


def test_the_home_stands_beside_the_front_door() -> None:
    """Without a setting, run-time files go to `var` beside the project's files, wherever one stands."""
    assert (PROJECT_ROOT / "core" / "settings.py").is_file()
    assert AppSettings.model_fields["home"].default == PROJECT_ROOT / "var"


def test_the_original_studys_model_is_imported_and_used(command_line, small_cohort, tmp_path) -> None:
    """A file of the original layout becomes a model that evaluates at 0.5; its folder is never overwritten."""
    network = torchvision.models.resnet18(weights=None)
    network.fc = torch.nn.Sequential(torch.nn.Dropout(0.5), torch.nn.Linear(512, 2))
    path, folder = tmp_path / "pneumonia_model.pth", tmp_path / "imported"
    torch.save(network.state_dict(), path)
    assert command_line("models", "import", path, folder).returncode == 0
    figures = command_line.json("evaluate", "--model", folder, "--data", small_cohort)
    assert (figures["n"], figures["threshold"], figures["model"]) == (10, 0.5, "original-study")
    assert "not empty" in sentence(command_line("models", "import", path, folder))
    path.write_bytes(b"no model")
    assert "nothing in it was run" in sentence(command_line("models", "import", path, tmp_path / "other"))
