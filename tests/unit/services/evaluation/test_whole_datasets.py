"""A dataset can be evaluated as a whole, with or without folders of splits, and each image once."""

import shutil
from pathlib import Path

import pytest

from core.errors import EvaluationError
from core.services.datasets import indexing
from core.services.desk import Desk
from core.services.evaluation.evaluate import EvaluationRequest, evaluate
from core.services.evaluation.test_set_access import count_openings
from tests.made_runs import desk_with_network
from tests.unit.dataset.small_cohorts import write_film


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    """A desk with the untrained network of a run."""
    return desk_with_network(tmp_path / "home")


def write_films(folder: Path, first: int) -> None:
    """Write two images of each class."""
    for number in (first, first + 1):
        write_film(folder / f"NORMAL/IM-{number:04}-0001.jpeg", number, side=64)
        write_film(folder / f"PNEUMONIA/person{number}_virus_{number}.jpeg", 100 + number, side=64)


def judged(desk: Desk, root: Path, **options: str) -> tuple[str, int, int]:
    result = evaluate(desk, EvaluationRequest(data=root, model="run:first0", **options))
    return result.split, result.report.n, result.num_openings


def test_all_takes_every_film_and_counts_as_a_look_at_the_test_films(desk: Desk, tmp_path: Path) -> None:
    """Four training and four test images are eight, and anyone who saw them has seen the test images too."""
    root = tmp_path / "films"
    write_films(root / "train", 1)
    write_films(root / "test", 3)
    assert judged(desk, root, split="all") == ("all", 8, 1)
    assert judged(desk, root) == ("test", 4, 2)
    with desk.reading() as session:
        assert count_openings(session, indexing.index(desk, root).fingerprint, "all") == 1


def test_a_folder_of_classes_alone_is_judged_as_a_whole(desk: Desk, tmp_path: Path) -> None:
    """NORMAL and PNEUMONIA need no folder test around them; another split is still refused by its name."""
    write_films(tmp_path / "films", 1)
    assert judged(desk, tmp_path / "films") == ("all", 4, 1)
    with pytest.raises(EvaluationError, match="no labelled, readable images in a split called 'val'"):
        judged(desk, tmp_path / "films", split="val")


def test_without_a_test_folder_beside_others_nothing_is_judged_by_default(desk: Desk, tmp_path: Path) -> None:
    """Training images are not taken for test images."""
    write_films(tmp_path / "films/train", 1)
    with pytest.raises(EvaluationError, match=r"called 'test'. It has: train"):
        judged(desk, tmp_path / "films")


def test_nested_copies_are_judged_once(desk: Desk, tmp_path: Path) -> None:
    """Of a dataset that lies in a folder of itself four test images are four."""
    root = tmp_path / "chest_xray"
    write_films(root / "test", 1)
    shutil.copytree(root, tmp_path / "copy")
    (tmp_path / "copy").rename(root / "chest_xray")
    assert judged(desk, root)[:2] == ("test", 4)
