"""The audit finds what was planted in a dataset, and nothing in a clean one."""

import shutil
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from core.dataset.audit.report import AuditReport, audit
from core.dataset.film_features import FEATURE_COLUMNS, measure_films, signatures_of
from core.radiograph.phantom import synthesise_phantom
from core.services.datasets.tables import named, ratio_table
from tests.unit.dataset.small_cohorts import cohort_of, index_cohort

NUM_OF_A_CLASS = 30


def film(seed: int) -> Image.Image:
    """A drawn image, unlike every other: synthetic ones resemble each other more than real ones do."""
    rng = np.random.default_rng(seed)
    blots_HW = np.asarray(Image.fromarray(rng.integers(0, 256, (6, 6), dtype=np.uint8)).resize((200, 200)))
    return Image.fromarray((synthesise_phantom(seed, size=200) * 0.4 + blots_HW * 0.6).astype(np.uint8))


def jpeg(image: Image.Image, quality: int = 90) -> bytes:
    stream = BytesIO()
    image.save(stream, "JPEG", quality=quality)
    return stream.getvalue()


def name_of(label: str, number: int) -> str:
    return f"IM-{number:04}-0001.jpeg" if label == "NORMAL" else f"person{number}_bacteria_{number}.jpeg"


@pytest.fixture(scope="module")
def clean_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clean dataset: 30 patients of each class for training, 10 of each for testing, none twice."""
    root = tmp_path_factory.mktemp("clean") / "cohort"
    for split, first, count in (("train", 1, NUM_OF_A_CLASS), ("test", 500, 10)):
        for label in ("NORMAL", "PNEUMONIA"):
            place = root / split / label
            place.mkdir(parents=True)
            for number in range(first, first + count):
                seed = number * 2 + (label == "NORMAL")
                (place / name_of(label, number)).write_bytes(jpeg(film(seed)))
    return root


@pytest.fixture
def folder(clean_folder: Path, tmp_path: Path) -> Path:
    return shutil.copytree(clean_folder, tmp_path / "cohort")


def audited(folder: Path) -> AuditReport:
    cohort = index_cohort(folder)
    return audit(cohort, measure_films(cohort))


def found(folder: Path) -> dict[str, tuple[tuple[str, ...], ...]]:
    return {finding.code: finding.groups for finding in audited(folder).findings}


def test_a_clean_cohort_has_no_findings(folder: Path) -> None:
    """Where nothing was planted nothing is found."""
    assert found(folder) == {}


def test_copies_are_found_by_where_they_stand(folder: Path) -> None:
    """Exact copies within a class, across splits and across labels are three findings of different gravity."""
    original = "train/NORMAL/IM-0001-0001.jpeg"
    for copy in ("train/NORMAL/IM-0900-0001.jpeg",):
        (folder / copy).write_bytes((folder / original).read_bytes())
    (folder / "test/NORMAL/IM-0901-0001.jpeg").write_bytes((folder / "train/NORMAL/IM-0002-0001.jpeg").read_bytes())
    (folder / "train/PNEUMONIA/person902_virus_902.jpeg").write_bytes(
        (folder / "train/NORMAL/IM-0003-0001.jpeg").read_bytes()
    )
    groups = found(folder)
    assert groups["exact_duplicates"] == ((original, "train/NORMAL/IM-0900-0001.jpeg"),)
    assert groups["exact_duplicates_across_splits"] == (
        ("test/NORMAL/IM-0901-0001.jpeg", "train/NORMAL/IM-0002-0001.jpeg"),
    )
    assert groups["exact_duplicates_across_labels"] == (
        ("train/NORMAL/IM-0003-0001.jpeg", "train/PNEUMONIA/person902_virus_902.jpeg"),
    )
    severities = {finding.code: str(finding.severity) for finding in audited(folder).findings}
    assert severities["exact_duplicates"] == "note" and severities["exact_duplicates_across_labels"] == "problem"


@pytest.mark.parametrize("change", ["smaller", "coarser", "brighter", "as png"])
def test_the_same_film_stored_differently_is_a_near_copy(folder: Path, change: str) -> None:
    """Another size, JPEG quality, brightness or format hides no copy that crosses the split."""
    image = Image.open(folder / "train/NORMAL/IM-0004-0001.jpeg")
    content = {
        "smaller": lambda: jpeg(image.resize((120, 140))),
        "coarser": lambda: jpeg(image, 30),
        "brighter": lambda: jpeg(image.point(lambda grey: grey * 0.8 + 40)),
        "as png": lambda: jpeg(image),
    }[change]()
    copy = folder / "test/NORMAL/IM-0903-0001.jpeg"
    if change == "as png":
        copy = copy.with_suffix(".png")
        image.save(copy)
    else:
        copy.write_bytes(content)
    name = copy.relative_to(folder).as_posix()
    assert found(folder)["near_duplicates_across_splits"] == (tuple(sorted((name, "train/NORMAL/IM-0004-0001.jpeg"))),)


def test_a_patient_on_both_sides_is_found(folder: Path) -> None:
    """Different images of one patient in training and test folders are named together."""
    (folder / "test/PNEUMONIA/person5_bacteria_77.jpeg").write_bytes(jpeg(film(9000)))
    assert found(folder)["patients_across_splits"] == (
        ("test/PNEUMONIA/person5_bacteria_77.jpeg", "train/PNEUMONIA/person5_bacteria_5.jpeg"),
    )


def test_a_small_validation_folder_is_found(folder: Path) -> None:
    """Sixteen validation images are too few, and the sentence says what one image is worth."""
    for label in ("NORMAL", "PNEUMONIA"):
        (folder / "val" / label).mkdir(parents=True)
        for number in range(700, 708):
            (folder / "val" / label / name_of(label, number)).write_bytes(jpeg(film(number * 3 + (label == "NORMAL"))))
    findings = {finding.code: finding for finding in audited(folder).findings}
    assert findings["validation_too_small"].num_files == 16
    assert "6.2 points" in findings["validation_too_small"].sentence


def test_a_shortcut_is_found(folder: Path) -> None:
    """If one class is stored at another quality, bytes per pixel and quantisation give the classes away."""
    for path in (folder / "train" / "PNEUMONIA").iterdir():
        path.write_bytes(jpeg(Image.open(path), 40))
    report = audited(folder)
    telling = {shortcut.feature for shortcut in report.shortcuts if shortcut.is_telling}
    assert {"quantisation", "bytes_per_pixel"} <= telling and "width" not in telling
    assert {f"shortcut_{feature}" for feature in telling} <= {finding.code for finding in report.findings}


def test_one_class_and_few_patients_are_problems(tmp_path: Path) -> None:
    """A folder of one class, and classes of too few patients, are said and do not bring the audit down."""
    (tmp_path / "NORMAL").mkdir()
    (tmp_path / "NORMAL" / "IM-0001-0001.jpeg").write_bytes(jpeg(film(1)))
    assert {"one_class", "few_patients"} <= set(found(tmp_path))
    (tmp_path / "PNEUMONIA").mkdir()
    (tmp_path / "PNEUMONIA" / "person1_virus_1.jpeg").write_bytes(jpeg(film(2)))
    assert "one_class" not in found(tmp_path) and "few_patients" in found(tmp_path)


def test_unreadable_files_and_a_missing_subtype_are_named(folder: Path) -> None:
    """A cut file is named with its reason; a subtype that the test folder lacks is said."""
    (folder / "train/NORMAL/IM-0904-0001.jpeg").write_bytes(jpeg(film(3))[:900])
    (folder / "train/PNEUMONIA/person905_virus_905.jpeg").write_bytes(jpeg(film(4)))
    groups = found(folder)
    assert groups["file_truncated"] == (("train/NORMAL/IM-0904-0001.jpeg",),)
    assert "subtype_missing" in groups


def test_features_are_what_the_picture_shows(tmp_path: Path) -> None:
    """Brightness, contrast, border and depth of a picture made by hand; what is known is not measured again."""
    (tmp_path / "NORMAL").mkdir()
    grey_HW = np.full((100, 100), 204, np.uint8)
    grey_HW[:, :50] = 0
    Image.fromarray(grey_HW).save(tmp_path / "NORMAL" / "half.png")
    cohort = index_cohort(tmp_path)
    features = measure_films(cohort)
    row = features.iloc[0]
    assert list(features.columns) == list(FEATURE_COLUMNS)
    assert (row.brightness, row.contrast, row.border_darkness) == pytest.approx((0.4, 0.4, 0.5))
    assert (row.bit_depth, row.quantisation) == (8, 0)
    assert (
        signatures_of(features)[0, :, 0].tolist() == [0] * 24
        and signatures_of(features)[0, :, -1].tolist() == [204] * 24
    )
    (tmp_path / "NORMAL" / "half.png").unlink()
    assert measure_films(cohort, known=features).equals(features)
    assert len(measure_films(cohort)) == 0


def test_the_standard_cohort_has_its_known_faults(real_data: Path) -> None:
    """On the native images quantisation, bytes per pixel and height give the classes away, as was measured before."""
    cohort = index_cohort(real_data / "originals")
    shortcuts = {shortcut.feature: shortcut.auc for shortcut in audit(cohort, measure_films(cohort)).shortcuts}
    assert shortcuts["bytes_per_pixel"] > 0.97 and shortcuts["quantisation"] > 0.97 and shortcuts["height"] > 0.85


def test_near_copies_are_told_by_where_they_stand(folder: Path) -> None:
    """An image stored again more coarsely within its class, and one under the other label, are two findings."""
    for source, copy in (
        ("train/NORMAL/IM-0005-0001.jpeg", "train/NORMAL/IM-0910-0001.jpeg"),
        ("train/NORMAL/IM-0006-0001.jpeg", "train/PNEUMONIA/person911_bacteria_911.jpeg"),
    ):
        (folder / copy).write_bytes(jpeg(Image.open(folder / source), 60))
    findings = {finding.code: finding for finding in audited(folder).findings}
    assert findings["near_duplicates"].groups == (("train/NORMAL/IM-0005-0001.jpeg", "train/NORMAL/IM-0910-0001.jpeg"),)
    assert str(findings["near_duplicates"].severity) == "warning"
    assert findings["near_duplicates_across_labels"].num_files == 2
    assert str(findings["near_duplicates_across_labels"].severity) == "problem"


def test_imbalance_is_said_for_each_split(folder: Path) -> None:
    """With a third of the normal images gone from training the ratio is said, and only of that split."""
    for number in range(1, 13):
        (folder / "train/NORMAL" / name_of("NORMAL", number)).unlink()
    sentences = {finding.code: finding.sentence for finding in audited(folder).findings}
    assert "train 1.67 to 1 (pneumonia)" in sentences["imbalance"] and "test" not in sentences["imbalance"]


def test_odd_films_are_named(folder: Path) -> None:
    """A very small image, a long one and a coloured one are three findings, each with its file."""
    odd = {
        "tiny_films": ("IM-0920-0001.jpeg", film(20).resize((50, 50))),
        "odd_shapes": ("IM-0921-0001.jpeg", film(21).resize((400, 120))),
        "mixed_colour_modes": ("IM-0922-0001.jpeg", film(22).convert("RGB")),
    }
    for name, image in odd.values():
        (folder / "train/NORMAL" / name).write_bytes(jpeg(image))
    groups = found(folder)
    assert {code: groups[code] for code in odd} == {
        code: ((f"train/NORMAL/{name}",),) for code, (name, _) in odd.items()
    }


def test_test_films_of_another_kind_are_found(tmp_path: Path) -> None:
    """Where test images of one class are darkened below, small copies tell them apart; the other class is alike."""
    for split in ("train", "test"):
        for label in ("NORMAL", "PNEUMONIA"):
            (tmp_path / split / label).mkdir(parents=True)
            for number in range(45):
                seed = number * 4 + 2 * (split == "test") + (label == "NORMAL")
                pixels_HW = np.array(film(seed).resize((64, 64)))
                if (split, label) == ("test", "NORMAL"):
                    pixels_HW[48:] //= 4
                patient = number + 1 + 100 * (split == "test")
                Image.fromarray(pixels_HW).save(tmp_path / split / label / name_of(label, patient), quality=90)
    report = audited(tmp_path)
    assert {shift.label: shift.auc > 0.8 for shift in report.shifts} == {"normal": True, "pneumonia": False}
    assert "shift_normal" in {finding.code for finding in report.findings}


def test_the_whole_standard_cohort_has_its_counts() -> None:
    """Of the full set, by generated names, the tables give 234 and 390 test images, and the ratio of each split."""
    counts = {("train", "normal"): 1341, ("train", "pneumonia"): 3875, ("val", "normal"): 8, ("val", "pneumonia"): 8}
    counts |= {("test", "normal"): 234, ("test", "pneumonia"): 390}
    rows = [
        {"file": f"{split}/{label}/{number}", "label": label, "split": split, "subtype": None}
        for (split, label), count in counts.items()
        for number in range(count)
    ]
    table = ratio_table(named(cohort_of(rows).select()))
    assert table.loc["test"].tolist() == [234, 390, 624, "1.67 : 1"]
    assert table.loc["train", "ratio"] == "2.89 : 1" and table["total"].sum() == 5856
