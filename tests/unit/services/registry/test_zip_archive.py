"""A model leaves as a zip and comes in again; what was changed or could be run does not."""

import pickle
import zipfile
from collections.abc import Iterator
from copy import copy
from pathlib import Path

import pytest
import torch
import torchvision

from core.errors import CheckpointError, PneumoDeskError
from core.services.desk import Desk, open_desk
from core.services.models.lookup import list_models, model_card
from core.services.registry.promotion import PromoteRequest, promote
from core.services.registry.zip_archive import export_archive, import_model, write_original_model
from core.settings import AppSettings
from tests.made_runs import add_run, give_checkpoint, made_films


class Harmful:
    """Makes a file when it is unpickled."""

    def __init__(self, trace: Path) -> None:
        self.trace = trace

    def __reduce__(self) -> tuple[object, tuple[object, ...]]:
        return Path.touch, (self.trace,)


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    desk = open_desk(AppSettings(home=tmp_path / "home", device="cpu"))
    add_run(desk, "first0", films=made_films(60), splits=("validation",))
    give_checkpoint(desk, "first0", 32, 0)
    promote(desk, PromoteRequest(source="run:first0", name="ward"))
    yield desk
    desk.engine.dispose()


@pytest.fixture
def packed(desk: Desk, tmp_path: Path) -> Path:
    return export_archive(desk, "ward@1", tmp_path / "ward.zip")


def rewritten(packed: Path, target: Path, file: str, content: bytes) -> Path:
    with zipfile.ZipFile(packed) as source, zipfile.ZipFile(target, "w") as changed:
        for info in source.infolist():
            if info.filename != file:
                changed.writestr(info.filename, source.read(info))
        changed.writestr(file, content)
    return target


def test_a_model_comes_back_as_it_left_and_can_be_promoted(desk: Desk, packed: Path) -> None:
    """Weights, hash and operating point are the same, and the imported model becomes a version."""
    card = import_model(desk, packed, "back")
    assert card == model_card(desk, "ward@1") == model_card(desk, "imported:back")
    assert promote(desk, PromoteRequest(source="imported:back", name="ward")).version == 2
    with pytest.raises(CheckpointError, match="imported as 'back' already"):
        import_model(desk, packed, "back")


@pytest.mark.parametrize(
    ("file", "sentence"),
    [
        ("weights.safetensors", "changed or damaged"),
        ("card.json", "changed or damaged"),
        ("gate.safetensors", "changed or damaged"),
        ("data.pkl", "does not belong"),
        ("../card.json", "does not belong"),
        ("members/1/weights.safetensors", "not those that hashes.json lists"),
        ("hashes.json", "is no JSON"),
    ],
)
def test_what_was_changed_on_its_way_is_refused(
    desk: Desk, packed: Path, tmp_path: Path, file: str, sentence: str
) -> None:
    """A changed, added or outside file is named in a sentence, nothing is run, and nothing stays on the desk."""
    trace = tmp_path / "trace"
    changed = rewritten(packed, tmp_path / "changed.zip", file, pickle.dumps(Harmful(trace)))
    with pytest.raises(CheckpointError, match=sentence):
        import_model(desk, changed, "bad")
    assert not trace.exists()
    assert "imported:bad" not in [model.name for model in list_models(desk)]
    assert list(desk.settings.imported.iterdir()) == []


def test_a_zip_that_unpacks_its_bytes_twice_is_refused(desk: Desk, packed: Path, tmp_path: Path) -> None:
    """As in uploads: two names for the same packed bytes are a sentence, and nothing is taken in."""
    with zipfile.ZipFile(packed, "a") as archive:
        again = copy(archive.getinfo("split.csv" if "split.csv" in archive.namelist() else "card.json"))
        again.filename = "run.json"
        archive.filelist.append(again)
        # Something has to be written, so that the directory is.
        archive.comment = b"changed"
    with pytest.raises(CheckpointError, match="unpacks the same bytes more than once"):
        import_model(desk, packed, "bad")
    assert list(desk.settings.imported.iterdir()) == []


def test_a_harmful_pickle_is_never_executed(desk: Desk, tmp_path: Path) -> None:
    """A .pth that would make a file when it is unpickled is refused, plain or as torch writes it, and makes none."""
    trace = tmp_path / "trace"
    plain, saved = tmp_path / "plain.pth", tmp_path / "saved.pth"
    plain.write_bytes(pickle.dumps(Harmful(trace)))
    torch.save({"fc.1.weight": torch.zeros(2, 512), "harm": Harmful(trace)}, saved)
    for path in (plain, saved):
        with pytest.raises(CheckpointError, match="nothing in it was run"):
            import_model(desk, path, "bad")
        with pytest.raises(CheckpointError, match="nothing in it was run"):
            write_original_model(path, tmp_path / "elsewhere", "bad")
    assert not trace.exists() and not list(desk.settings.imported.iterdir())


def test_the_original_studys_file_becomes_a_model_of_the_desk(desk: Desk, tmp_path: Path) -> None:
    """A ResNet18 with `fc` of dropout and 512 to 2 is found in the lists, without a threshold that data chose."""
    network = torchvision.models.resnet18(weights=None)
    network.fc = torch.nn.Sequential(torch.nn.Dropout(0.5), torch.nn.Linear(512, 2))
    torch.save(network.state_dict(), tmp_path / "pneumonia_model.pth")
    card = import_model(desk, tmp_path / "pneumonia_model.pth", "study")
    assert card.operating_point is None and card == model_card(desk, "imported:study")
    assert "imported:study" in [model.name for model in list_models(desk)]
    with pytest.raises(CheckpointError, match="imported as 'study' already"):
        import_model(desk, tmp_path / "pneumonia_model.pth", "study")
    with pytest.raises(PneumoDeskError, match="no operating point"):
        promote(desk, PromoteRequest(source="imported:study", name="ward"))
