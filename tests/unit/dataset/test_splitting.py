"""Splits: what no draw may break, whatever the dataset."""

import hashlib
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from core.dataset.manifest import Cohort
from core.dataset.splitting import SplitConfig, propose_split
from core.errors import CohortError
from tests.unit.dataset.small_cohorts import cohort_of

Rows = list[dict[str, str | None]]


def films_of(stratum: str, num_patients: int, films_each: int = 1, split: str | None = "train") -> Rows:
    label = "normal" if stratum == "normal" else "pneumonia"
    return [
        {
            "file": f"{stratum}/{p}-{f}.png",
            "label": label,
            "split": split,
            "patient": f"{stratum}-{p}",
            "subtype": stratum,
        }
        for p in range(num_patients)
        for f in range(films_each)
    ]


@st.composite
def cohorts(draw: st.DrawFn) -> Cohort:
    """Datasets with patients of one to six images, some in several strata, copies within and across patients, a
    test.
    """
    patients = draw(st.lists(st.integers(1, 6), min_size=12, max_size=60))
    rows: Rows = []
    for number, num_films in enumerate(patients):
        home = draw(st.sampled_from(["normal", "bacterial", "viral"]))
        for film in range(num_films):
            other = draw(st.integers(0, 19)) == 0
            subtype = draw(st.sampled_from(["normal", "bacterial", "viral"])) if other else home
            file = f"{number:03}-{film}.png"
            copied = draw(st.integers(0, 14)) == 0 and rows
            content = draw(st.sampled_from(rows))["content_hash"] if copied else file
            split = draw(st.sampled_from([None, "train", "train", "train", "val", "test"]))
            label = "normal" if subtype == "normal" else "pneumonia"
            rows.append(
                {"file": file, "label": label, "split": split, "patient": f"p{number}", "subtype": subtype}
                | {"content_hash": content}
            )
    return cohort_of(rows)


configs = st.builds(
    SplitConfig,
    validation_fraction=st.sampled_from([0.05, 0.1, 0.2, 0.3]),
    calibration_fraction=st.sampled_from([0.0, 0.1, 0.2]),
    holdout_fraction=st.sampled_from([0.0, 0.1, 0.3]),
    seed=st.integers(0, 5),
)


def joined(cohort: Cohort, assignments: pd.Series) -> pd.DataFrame:
    return cohort.manifest.set_index("file").join(assignments, how="inner")


@settings(max_examples=150, deadline=None)
@given(cohorts(), configs)
def test_what_every_split_keeps(cohort: Cohort, config: SplitConfig) -> None:
    """No patient or content is in two folds, no test image or copy of one in any; each fold has both classes."""
    try:
        split = propose_split(cohort, config)
    except CohortError:
        assume(False)
    assert split.assignments.index.is_unique and split.assignments.index.is_monotonic_increasing
    films = joined(cohort, split.assignments)
    assert (films.groupby("patient")["fold"].nunique() == 1).all()
    assert films["content_hash"].is_unique
    test_contents = set(cohort.select("test")["content_hash"])
    assert "test" not in set(films["split"]) and not test_contents & set(films["content_hash"])
    expected = {"train", "validation"}
    expected |= {"calibration"} if config.calibration_fraction else set()
    expected |= {"holdout"} if config.holdout_fraction else set()
    assert set(films["fold"]) == expected
    assert (films.groupby("fold")["label"].nunique() == 2).all()


@settings(max_examples=60, deadline=None)
@given(cohorts(), st.randoms(use_true_random=False))
def test_order_and_root_do_not_matter(cohort: Cohort, random: object) -> None:
    """The same images in another order below another root are split the same way, under the same fingerprint."""
    order = list(range(len(cohort.manifest)))
    random.shuffle(order)
    other = Cohort(Path("/elsewhere"), cohort.manifest.iloc[order].reset_index(drop=True), cohort.fingerprint)
    try:
        split = propose_split(cohort, SplitConfig())
    except CohortError:
        assume(False)
    again = propose_split(other, SplitConfig())
    assert split.assignments.equals(again.assignments)
    assert split.fingerprint == again.fingerprint


@settings(max_examples=100, deadline=None)
@given(
    st.fixed_dictionaries(dict.fromkeys(["normal", "bacterial", "viral"], st.lists(st.integers(1, 7), min_size=8))),
    configs,
)
def test_sizes_within_one_patient(num_films: dict[str, list[int]], config: SplitConfig) -> None:
    """In each subtype each fold's size is within the images of one patient of the share that was asked for."""
    rows = [
        {"file": f"{stratum}/{patient}-{film}.png", "patient": f"{stratum}-{patient}", "subtype": stratum}
        | {"label": "normal" if stratum == "normal" else "pneumonia"}
        for stratum, patients in num_films.items()
        for patient, films_each in enumerate(patients)
        for film in range(films_each)
    ]
    cohort = cohort_of(rows)
    films = joined(cohort, propose_split(cohort, config).assignments)
    for _, inside in films.groupby("subtype"):
        largest = inside.groupby("patient").size().max()
        for fold, fraction in config.carved.items():
            assert abs((inside["fold"] == fold).sum() - fraction * len(inside)) <= largest


def test_sizes_by_hand() -> None:
    """Of 100 single-film patients a class, shares of 0.1, 0.2 and 0.3 take exactly 10, 20 and 30 of each class."""
    config = SplitConfig(validation_fraction=0.1, calibration_fraction=0.2, holdout_fraction=0.3)
    cohort = cohort_of(films_of("normal", 100) + films_of("viral", 100))
    films = joined(cohort, propose_split(cohort, config).assignments)
    counts = films.groupby(["label", "fold"]).size().unstack()
    expected = {"train": 40, "validation": 10, "calibration": 20, "holdout": 30}
    assert counts.loc["normal"].to_dict() == expected
    assert counts.loc["pneumonia"].to_dict() == expected


@pytest.mark.parametrize("seed", range(20))
def test_a_patient_with_very_many_films_fills_no_fold(seed: int) -> None:
    """Of 70 normal images 40 are one patient's: that patient is trained on, and folds of 7 hold 7."""
    giant = [{"file": f"giant/{film}.png", "patient": "giant", "subtype": "normal"} for film in range(40)]
    cohort = cohort_of(giant + films_of("normal", 30) + films_of("viral", 30))
    films = joined(cohort, propose_split(cohort, SplitConfig(seed=seed)).assignments)
    assert set(films.loc[films["patient"] == "giant", "fold"]) == {"train"}
    normals = films[films["label"] == "normal"]["fold"].value_counts()
    assert normals.to_dict() == {"train": 56, "validation": 7, "calibration": 7}


def test_the_seed_decides() -> None:
    """Another seed gives another split of the same sizes, under another fingerprint."""
    cohort = cohort_of(films_of("normal", 40) + films_of("viral", 40))
    one, other = (propose_split(cohort, SplitConfig(seed=seed)) for seed in (0, 1))
    assert one.assignments.value_counts().equals(other.assignments.value_counts())
    assert not one.assignments.equals(other.assignments)
    assert one.fingerprint != other.fingerprint
    assert one.files("validation") == sorted(one.assignments.index[one.assignments == "validation"])


def test_the_fingerprint_is_of_contents_and_folds() -> None:
    """The split's fingerprint is SHA-256 over the sorted lines of content and fold."""
    split = propose_split(cohort_of(films_of("normal", 4) + films_of("viral", 4)), SplitConfig())
    lines = "\n".join(sorted(f"{file}\t{fold}" for file, fold in split.assignments.items()))
    assert split.fingerprint == hashlib.sha256(lines.encode()).hexdigest()


def test_patients_who_share_a_copy_are_one() -> None:
    """Two ids with one byte-identical image are never parted, also through a third."""
    rows = films_of("normal", 12, films_each=3) + films_of("viral", 12)
    for row in rows:
        if row["file"] in {"normal/0-0.png", "normal/5-0.png"}:
            row["content_hash"] = "same"
        if row["file"] in {"normal/5-1.png", "normal/11-0.png"}:
            row["content_hash"] = "alike"
    for seed in range(8):
        assignments = propose_split(cohort_of(rows), SplitConfig(seed=seed)).assignments
        fold_of = {file: assignments[file] for file in ("normal/0-2.png", "normal/5-2.png", "normal/11-2.png")}
        assert len(set(fold_of.values())) == 1
        assert ("normal/0-0.png" in assignments) and ("normal/5-0.png" not in assignments)


def test_copies_with_two_labels_are_left_out() -> None:
    """A picture that is under both labels teaches nothing true and is in no fold."""
    rows = films_of("normal", 6) + films_of("viral", 6)
    rows[0]["content_hash"] = rows[-1]["content_hash"] = "both"
    assignments = propose_split(cohort_of(rows), SplitConfig()).assignments
    assert len(assignments) == 10
    assert rows[0]["file"] not in assignments and rows[-1]["file"] not in assignments


def test_a_patient_with_both_classes() -> None:
    """Normal images that all belong to patients who also have pneumonia still reach every fold, patients unparted."""
    rows = films_of("viral", 20)
    for number in range(3):
        rows.append({"file": f"n{number}.png", "split": "train", "patient": f"viral-{number}", "subtype": "normal"})
    films = joined(cohort_of(rows), propose_split(cohort_of(rows), SplitConfig()).assignments)
    assert (films.groupby("patient")["fold"].nunique() == 1).all()
    assert (films.groupby("fold")["label"].nunique() == 2).all()


def test_a_subtype_too_small_to_split_joins_its_class() -> None:
    """Two bacterial and two viral patients are enough for three folds, since both are pneumonia."""
    cohort = cohort_of(films_of("normal", 3) + films_of("bacterial", 2) + films_of("viral", 2))
    films = joined(cohort, propose_split(cohort, SplitConfig()).assignments)
    assert films.groupby(["label", "fold"]).size().to_dict() == {
        **{("normal", fold): 1 for fold in ("train", "validation", "calibration")},
        ("pneumonia", "train"): 2,
        ("pneumonia", "validation"): 1,
        ("pneumonia", "calibration"): 1,
    }


def test_uneven_patients_are_enough_for_every_fold() -> None:
    """Three patients of one, one and eight images make three folds, whichever is drawn first."""
    rows = films_of("viral", 30)
    for patient, num_films in (("x", 1), ("y", 1), ("z", 8)):
        rows += [
            row | {"file": f"{patient}{row['file']}", "patient": patient} for row in films_of("normal", 1, num_films)
        ]
    for row in rows:
        row["content_hash"] = row["file"]
    for seed in range(6):
        config = SplitConfig(validation_fraction=0.4, calibration_fraction=0.1, seed=seed)
        films = joined(cohort_of(rows), propose_split(cohort_of(rows), config).assignments)
        assert films[films["label"] == "normal"].groupby("fold")["patient"].nunique().tolist() == [1, 1, 1]


@pytest.mark.parametrize(
    ("rows", "sentence"),
    [
        ([{"file": "a.png", "split": "test"}], "no labelled training images"),
        ([{"file": "a.png", "label": None, "problem": "no_label"}], "no labelled training images"),
        (films_of("normal", 30), "are normal: a model needs images of both classes"),
        (films_of("normal", 1, 30) + films_of("viral", 30), "no normal image: there are 1 patients"),
        (films_of("normal", 30) + films_of("viral", 2, 9), "no pneumonia image: there are 2 patients"),
    ],
)
def test_cohorts_that_cannot_be_split(rows: Rows, sentence: str) -> None:
    """Too few images, classes or patients end in a sentence that says which."""
    with pytest.raises(CohortError, match=sentence):
        propose_split(cohort_of(rows), SplitConfig())


def test_shares_must_leave_films_to_train_on() -> None:
    """Shares that sum to one or more are refused."""
    with pytest.raises(ValidationError, match="leave images to train on"):
        SplitConfig(validation_fraction=0.4, calibration_fraction=0.3, holdout_fraction=0.3)


def test_a_class_folder_layout_needs_no_split_folders() -> None:
    """Images without a split are all split, those of the validation folder with the training images."""
    rows = films_of("normal", 10, split=None) + films_of("viral", 10, split="val")
    assignments = propose_split(cohort_of(rows), SplitConfig()).assignments
    assert len(assignments) == 20
    assert np.isin(assignments.to_numpy(), ["train", "validation", "calibration"]).all()
