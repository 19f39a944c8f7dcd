"""Parts of the films judged by themselves."""

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from core.evaluation.subgroups import judge_subgroups, series_of


@pytest.mark.parametrize(
    ("file", "series"),
    [
        ("test/NORMAL/NORMAL2-IM-0095-0001.jpeg", "NORMAL2-IM"),
        ("test/NORMAL/IM-0001-0001.jpeg", "IM"),
        ("train/PNEUMONIA/person9_virus_1.jpeg", "person"),
        ("0001.png", "numbers only"),
        ("train/3f2a9c0be11d47aa.png", ""),
        ("9b1deb4d-3b7d-4bad-9bdd-2b0d7b3dcb6d.png", ""),
    ],
)
def test_the_series_of_a_file(file, series):
    """The letters before the first number name a series."""
    assert series_of(file) == series


def test_each_group_is_judged_against_all_films_of_the_other_class():
    """Shares are of the group's own films, and its AUC sets them against every film of the other label."""
    files = [f"person{number}_x_1.jpeg" for number in range(6)] + [f"IM-{number}-1.jpeg" for number in range(4)]
    subtypes = ["bacterial"] * 4 + ["viral"] * 2 + ["normal"] * 4
    labels = np.array([1] * 6 + [0] * 4)
    scores = np.array([0.9, 0.8, 0.7, 0.3, 0.6, 0.2, 0.1, 0.4, 0.65, 0.05])
    groups = {(group.kind, group.name): group for group in judge_subgroups(files, subtypes, labels, scores, 0.5)}
    bacterial = groups["subtype", "bacterial, pneumonia"]
    assert (bacterial.num_films, bacterial.num_right, bacterial.is_small) == (4, 3, True)
    rows = [0, 1, 2, 3, 6, 7, 8, 9]
    assert bacterial.auc == pytest.approx(roc_auc_score(labels[rows], scores[rows]))
    assert groups["file series", "IM, normal"].share_right == pytest.approx(3 / 4)
    assert groups["file series", "person, pneumonia"].num_films == 6


def test_unnamed_subtypes_are_no_group():
    """Films without a subtype are in no subtype group."""
    groups = judge_subgroups(["a1.png", "b1.png"], ["", ""], np.array([0, 1]), np.array([0.1, 0.9]), 0.5)
    assert {group.kind for group in groups} == {"file series"}
