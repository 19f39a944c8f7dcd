"""Patients that are not known are counted and said nowhere as if they were."""

from pathlib import Path

import numpy as np

from core.dataset.splitting import SplitConfig
from core.services.datasets.indexing import count_of_patients, summarise
from core.services.datasets.splits import preview_split
from core.services.evaluation.predictions import LabelledFilms
from tests.unit.dataset.small_cohorts import cohort_of, index_cohort, write_film, write_patients


def films(*patients: str) -> LabelledFilms:
    names = tuple(f"{number}.png" for number in range(len(patients)))
    return LabelledFilms(names, np.zeros(len(names), np.uint8), patients, ("",) * len(names), ("c",) * len(names))


def test_counts_claim_no_patient_that_is_not_known() -> None:
    """A patient that is only its image's content is an unknown one."""
    assert films("a", "a", "b").counted == "3 images of 2 patients"
    assert films("a", "a", "c").counted == "3 images of 1 patient and 1 of unknown ones"
    assert films("c", "", "c").counted == "3 images of unknown patients"


def test_the_summary_of_a_dataset_says_how_many_are_unknown() -> None:
    """Of four images two are of one patient, and two copies of unknown ones."""
    known = [{"file": "a", "patient": "p"}, {"file": "b", "patient": "p"}]
    unknown = [{"file": name, "patient": "h", "content_hash": "h"} for name in ("c", "d")]
    assert count_of_patients(summarise(cohort_of(known))) == "1"
    assert count_of_patients(summarise(cohort_of(unknown))) == "not known"
    assert count_of_patients(summarise(cohort_of([*known, *unknown]))) == "1, and 2 images of unknown ones"


def test_a_split_counts_patients_as_far_as_they_are_known(tmp_path: Path) -> None:
    """Its balance has images of unknown patients in a column of their own, none where all are known."""
    for number in range(20):
        write_film(tmp_path / f"known/NORMAL/IM-{number:04}-0001.jpeg", number)
        write_film(tmp_path / f"known/PNEUMONIA/person{number}_virus_1.jpeg", 100 + number)
    balance = preview_split(index_cohort(tmp_path / "known"), SplitConfig())[1]
    assert "images of unknown patients" not in balance and balance["patients"].sum() == 40
    balance = preview_split(index_cohort(write_patients(tmp_path / "unknown")), SplitConfig())[1]
    assert balance["images of unknown patients"].sum() == 40 and balance["patients"].sum() == 0
