"""What a trained model's card says of its use and its limits, by the patients of its training images."""

import re
from collections.abc import Iterable

_STANDARD_PATIENT = re.compile(r"(bacterial|viral)-\d+|(NORMAL2-)?IM-\d+")
"""As the file names of the standard dataset (Kermany et al. 2018) give them."""
_NO_DEVICE = "for reading by a human. Not a medical device; for research and education."
_OF_ALL = (
    "An image that is not flagged may still show disease.",
    "The threshold was chosen on images of the training folder; on images of another period its specificity is lower.",
    "It knows pneumonia and no other disease.",
)


def is_standard_dataset(patients: Iterable[str]) -> bool:
    """Return whether all training patients are named as in the standard dataset: children of one hospital."""
    named = [_STANDARD_PATIENT.fullmatch(patient) for patient in map(str, patients)]
    return bool(named) and all(named)


def intended_use(patients: Iterable[str]) -> str:
    """Return what a model is for; ages only where they are known."""
    if is_standard_dataset(patients):
        return f"Sorting frontal chest images of children of 1 to 5 years {_NO_DEVICE}"
    return f"Sorting frontal chest images of patients as in its training images, of ages not recorded, {_NO_DEVICE}"


def limits(patients: Iterable[str]) -> tuple[str, ...]:
    """Return what a model's reader must know of it, one sentence each."""
    if is_standard_dataset(patients):
        first = "Trained on one hospital's images of children of 1 to 5 years: results elsewhere can be far worse."
    else:
        first = (
            "The ages and hospitals of its training images are not recorded: anyone who promotes it says for whom it "
            "is "
            "meant. Results elsewhere can be far worse."
        )
    return (first, *_OF_ALL)
