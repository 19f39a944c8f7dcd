"""Parts of the images evaluated by themselves."""

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from core.evaluation.delong import delong_interval
from core.evaluation.subgroups import judge_subgroups

SUBTYPES = ["bacterial"] * 4 + ["viral"] * 2 + ["normal"] * 4
LABELS = np.array([1] * 6 + [0] * 4)
SCORES = np.array([0.9, 0.8, 0.7, 0.3, 0.6, 0.2, 0.1, 0.4, 0.65, 0.05])


def test_each_group_is_judged_against_all_films_of_the_other_class():
    """Shares are of the group's own images, and its AUC sets them against every image of the other label."""
    groups = {group.name: group for group in judge_subgroups(SUBTYPES, LABELS, SCORES, 0.5)}
    assert set(groups) == {"bacterial, pneumonia", "viral, pneumonia", "normal"}
    bacterial = groups["bacterial, pneumonia"]
    assert (bacterial.num_films, bacterial.num_right, bacterial.is_small, bacterial.num_patients) == (4, 3, True, 4)
    rows = [0, 1, 2, 3, 6, 7, 8, 9]
    assert bacterial.auc == pytest.approx(roc_auc_score(LABELS[rows], SCORES[rows]))
    assert groups["normal"].share_right == pytest.approx(3 / 4)


def test_the_films_of_one_patient_count_together():
    """Each image sent three times by its patient changes no figure and narrows no interval but by a hair."""
    patients = np.array([f"p{number}" for number in range(10)])
    once = judge_subgroups(SUBTYPES, LABELS, SCORES, 0.5, patients)
    thrice = judge_subgroups(SUBTYPES * 3, np.tile(LABELS, 3), np.tile(SCORES, 3), 0.5, np.tile(patients, 3))
    for one, three in zip(once, thrice, strict=True):
        assert (three.share_right, three.auc, three.num_patients) == (one.share_right, one.auc, one.num_patients)
        assert three.share_interval == pytest.approx(one.share_interval, abs=0.05)
        rows = [place for place, name in enumerate(SUBTYPES * 3) if name == one.name.partition(",")[0]]
        rows += [place for place, label in enumerate(np.tile(LABELS, 3)) if label != np.tile(LABELS, 3)[rows[0]]]
        expected = delong_interval(
            np.tile(LABELS, 3)[rows], np.tile(SCORES, 3)[rows], np.tile(patients, 3)[rows]
        ).interval
        assert three.auc_interval == expected


def test_unnamed_subtypes_are_no_group():
    """Images without a subtype are in no group, and the names of files make none."""
    assert judge_subgroups(["", ""], np.array([0, 1]), np.array([0.1, 0.9]), 0.5) == ()
