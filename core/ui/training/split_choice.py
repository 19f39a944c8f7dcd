"""On which split a run or a sweep is trained: one newly drawn, or one that was saved."""

import streamlit as st

from core.language import mark, tr
from core.services.datasets.known_datasets import KnownCohort
from core.services.datasets.splits import FOLDS, SplitSummary, splits_for
from core.services.desk import Desk
from core.services.runs.config_resolution import is_trainable

DRAWN = mark("Drawn by the shares below")


def split_choice(desk: Desk, cohort: KnownCohort, *, key: str, start: str = "") -> SplitSummary | None:
    """Offer the saved splits of a dataset beside one that is newly drawn, which is None."""
    saved = {one.name: one for one in splits_for(desk, cohort.root, cohort.fingerprint) if is_trainable(one)}
    if start and start not in saved:
        st.caption(
            tr(":material/warning: The split **{start}** was saved for other images. Choose another.", start=start)
        )
    if not saved:
        st.caption(tr("Patients are split by the shares below. A split saved on the Dataset page can be chosen here."))
        return None
    names = ["", *saved]
    name = st.selectbox(
        tr("Split"),
        names,
        index=names.index(start) if start in saved else 0,
        format_func=lambda one: one or tr(DRAWN),
        help=tr("Saved splits never change, so that runs on one are compared on the same images."),
        key=f"{key}.{cohort.fingerprint[:12]}",
    )
    if not name:
        return None
    counts = saved[name].counts
    folds = ", ".join(f"{sum(counts[fold].values()):,} {fold}" for fold in FOLDS if fold in counts)
    st.caption(tr("{folds} · fingerprint {fingerprint}", folds=folds, fingerprint=saved[name].fingerprint[:16]))
    return saved[name]
