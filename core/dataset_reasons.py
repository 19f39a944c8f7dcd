"""What an audit of a dataset finds: kinds of reasons with values, kept as codes.

`core.reason_words_datasets` has title, sentence and advice of each; codes and the names of values stay.
"""

from dataclasses import dataclass
from typing import ClassVar

from core.reasons import Reason


@dataclass(frozen=True)
class NoLabels(Reason):
    """No readable image has a label."""

    code: ClassVar[str] = "no_labels"


@dataclass(frozen=True)
class OneClass(Reason):
    """All labelled images have one label; `other` is the one that is missing."""

    code: ClassVar[str] = "one_class"
    num_images: int
    label: str
    other: str


@dataclass(frozen=True)
class LabelsAgainstNames(Reason):
    """Images have the name of one class and the label of the other."""

    code: ClassVar[str] = "labels_against_names"
    num_images: int


@dataclass(frozen=True)
class PatientsAcrossSplits(Reason):
    """Patients have images in more than one split."""

    code: ClassVar[str] = "patients_across_splits"
    num_patients: int


@dataclass(frozen=True)
class UnknownPatients(Reason):
    """Of some of the images nothing says the patient."""

    code: ClassVar[str] = "unknown_patients"
    num_unknown: int
    num_images: int


@dataclass(frozen=True)
class ValidationTooSmall(Reason):
    """The validation folder is so small that one image is worth `points` of accuracy in percent."""

    code: ClassVar[str] = "validation_too_small"
    num_images: int
    points: float


@dataclass(frozen=True)
class FewPatients(Reason):
    """Classes have fewer patients outside the test folder than a fold needs: labels, and their numbers of patients."""

    code: ClassVar[str] = "few_patients"
    labels: list[str]
    counts: list[int]
    fewest: int


@dataclass(frozen=True)
class Imbalance(Reason):
    """Splits in which a label outweighs the other, and by how much."""

    code: ClassVar[str] = "imbalance"
    splits: list[str]
    ratios: list[float]
    labels: list[str]


@dataclass(frozen=True)
class SubtypeMissing(Reason):
    """Splits that have no image of a subtype; one split and subtype at each place of the lists."""

    code: ClassVar[str] = "subtype_missing"
    splits: list[str]
    subtypes: list[str]


@dataclass(frozen=True)
class OtherFiles(Reason):
    """Files are no pictures by name or content; `endings` are those of their names."""

    code: ClassVar[str] = "other_files"
    num_files: int
    endings: list[str]


@dataclass(frozen=True)
class CutLinks(Reason):
    """Links were not followed."""

    code: ClassVar[str] = "cut_links"
    num_links: int


@dataclass(frozen=True)
class FoldersAlike(Reason):
    """Groups of folders whose names differ in the case of letters alone."""

    code: ClassVar[str] = "folders_alike"
    groups: list[list[str]]


@dataclass(frozen=True)
class FilesLeftOut(Reason):
    """Files have a problem, which is a `FilmProblem` or a `RejectionReason`."""

    code: ClassVar[str] = "files_left_out"
    problem: str
    num_files: int


@dataclass(frozen=True)
class TinyImages(Reason):
    """Images have a side under so many pixels."""

    code: ClassVar[str] = "tiny_images"
    num_odd: int
    num_images: int
    smallest_side: int


@dataclass(frozen=True)
class OddShapes(Reason):
    """Images are so many times as long as wide, or the reverse."""

    code: ClassVar[str] = "odd_shapes"
    num_odd: int
    num_images: int
    largest_aspect: float


@dataclass(frozen=True)
class MixedColourModes(Reason):
    """Images are stored in another mode than most."""

    code: ClassVar[str] = "mixed_colour_modes"
    num_odd: int
    num_images: int
    common_mode: str


@dataclass(frozen=True)
class CopiesFound(Reason):
    """Groups of files show one image: `likeness` is exact or near, `place` across_labels, across_splits or within."""

    code: ClassVar[str] = "copies_found"
    likeness: str
    place: str
    num_groups: int
    num_files: int


@dataclass(frozen=True)
class OtherKindOfTestImages(Reason):
    """Small copies tell the test images of a class from its others with this AUC."""

    code: ClassVar[str] = "other_kind_of_test_images"
    label: str
    num_test: int
    num_train: int
    auc: float


@dataclass(frozen=True)
class ClassGivenAway(Reason):
    """A property of the files alone tells the classes apart with this AUC."""

    code: ClassVar[str] = "class_given_away"
    feature: str
    auc: float
