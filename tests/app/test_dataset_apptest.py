"""The Dataset page's parts, without a browser; examinations are carried out in this process."""

from contextlib import suppress
from functools import partial
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from core.errors import PneumoDeskError
from core.services.datasets import import_jobs, sources
from core.services.datasets.import_jobs import ExaminationRequest, Origin, start_examination, work_on_examination
from core.services.datasets.splits import get_split
from core.services.desk import Desk, open_desk
from core.services.runs.execution import train
from core.services.runs.record import get_record
from core.services.runs.requests import TrainRequest
from core.settings import get_settings
from core.training.config import TrainingConfig
from tests.app.opened_page import open_page
from tests.unit.dataset.small_cohorts import write_film

PARTS = ("Audit issues", "Counts", "Images", "Sizes and greys", "Splits", "Download")


@pytest.fixture(autouse=True)
def in_this_process(desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PNEUMODESK_FILM_ROOTS", str(tmp_path))
    get_settings.cache_clear()

    def work(arguments: list[str], log: Path) -> None:
        # What went wrong is in the examination's row.
        with suppress(PneumoDeskError):
            work_on_examination(desk, arguments[-1])

    monkeypatch.setattr(import_jobs, "launch", work)


page = partial(open_page, "dataset")


def examine_folder(test: AppTest, folder: Path) -> AppTest:
    test.text_input("dataset.path").set_value(str(folder))
    return next(button for button in test.button if button.label == "Import folder").click().run()


def said(test: AppTest) -> str:
    texts = (*test.markdown, *test.caption, *test.warning, *test.error, *test.success)
    return " ".join([*(text.value for text in texts), *(expander.label for expander in test.expander)])


def metrics(test: AppTest) -> dict[str, str]:
    return {metric.label: metric.value for metric in test.metric}


def test_a_folder_is_examined_and_every_part_opens(tmp_path: Path) -> None:
    """Images of two classes go in by the form; findings, counts, images, sizes, splits and files to take away open."""
    for number in range(1, 13):
        write_film(tmp_path / f"ward/NORMAL/IM-{number:04}-0001.jpeg", number, side=64)
        write_film(tmp_path / f"ward/PNEUMONIA/person{number}_virus_{number}.jpeg", 100 + number, side=64)
    (tmp_path / "ward/note.txt").write_text("x")
    test = examine_folder(page(), tmp_path / "ward")
    assert metrics(test) == {
        "Usable images": "24",
        "Patients": "24",
        "Exact copies": "0",
        "Left out": "0",
        "Audit issues": "1",
    }
    assert "Files that are no pictures" in said(test)
    for part in PARTS:
        test.segmented_control("dataset.part").set_value(part).run()
        assert not test.exception, part
    test.segmented_control("dataset.part").set_value("Splits").run()
    test.text_input("dataset.split.name").set_value("first")
    next(button for button in test.button if button.label == "Save this split").click().run()
    assert "Saved splits" in said(test)


def test_the_folds_of_a_model_are_saved(tmp_path: Path) -> None:
    """Once a model was trained on the images its folds can be saved under a name; a name that is taken is said."""
    for number in range(1, 13):
        write_film(tmp_path / f"ward/NORMAL/IM-{number:04}-0001.jpeg", number, side=64)
        write_film(tmp_path / f"ward/PNEUMONIA/person{number}_virus_{number}.jpeg", 100 + number, side=64)
    config = TrainingConfig(
        architecture="mobilenet_v2", weights="none", recipe="none", image_size=32, epochs=1, batch_size=8
    )
    run = train(open_desk(), TrainRequest(data=tmp_path / "ward", config=config)).run_id
    test = examine_folder(page(), tmp_path / "ward")
    test.segmented_control("dataset.part").set_value("Splits").run()
    for name in ("same", "same"):
        test.selectbox("dataset.split.model").set_value(f"run:{run}")
        test.text_input("dataset.split.adopted_name").set_value(name)
        next(button for button in test.button if button.label == "Save its folds").click().run()
        assert not test.exception
    assert "called 'same' already" in test.error[0].value
    assert "Saved splits" in said(test)
    assert get_split(open_desk(), "same").fingerprint == get_record(open_desk(), run).lineage["Split fingerprint"]


def test_a_folder_of_broken_files_opens_in_every_part(tmp_path: Path) -> None:
    """Where no image is usable each part says so, and nothing falls over."""
    (tmp_path / "ward/NORMAL").mkdir(parents=True)
    (tmp_path / "ward/NORMAL/text.jpg").write_text("no picture")
    test = examine_folder(page(), tmp_path / "ward")
    assert metrics(test)["Usable images"] == "0"
    assert "No image has a label" in said(test) and "Not a picture" in said(test)
    for part in PARTS:
        test.segmented_control("dataset.part").set_value(part).run()
        assert not test.exception, part


def test_an_empty_folder_says_what_a_dataset_looks_like(tmp_path: Path) -> None:
    """It ends in a sentence with its path and what is expected, and a way to continue once images are there."""
    (tmp_path / "empty").mkdir()
    test = examine_folder(page(), tmp_path / "empty")
    assert not test.exception
    assert "holds no pictures" in said(test).replace("\\", "")
    write_film(tmp_path / "empty/NORMAL/a.png", 1)
    test.button("dataset.resume").click().run()
    assert metrics(test.run())["Usable images"] == "1"


def test_a_wrong_folder_is_said_on_the_page() -> None:
    """A folder outside the roots is refused with the folders that may be examined; what was examined stays listed."""
    test = examine_folder(page(), Path("/etc"))
    assert "may be examined" in said(test)
    assert "Imported datasets" in {heading.value for heading in test.subheader}


def test_an_unknown_dataset_leads_back() -> None:
    """The address of a dataset that is not there says so and leads back to all of them."""
    test = page(dataset="unheard-of")
    assert "There is no dataset" in said(test)
    test.button("dataset.leave").click().run()
    assert "dataset.path" in {box.key for box in test.text_input}


def test_drawn_films_are_called_so_and_stay_so(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """The badge stands on the page of a drawn dataset, also after it was imported again."""
    monkeypatch.setattr(sources, "NUM_PHANTOM_PATIENTS", 6)
    test = page(dataset=start_examination(desk, ExaminationRequest(origin=Origin.PHANTOMS)))
    assert "Synthetic" in said(test)
    test.button("dataset.again").click().run()
    assert not test.exception and "Synthetic" in said(test)
