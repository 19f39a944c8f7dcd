"""Operating points of a run's model: choose one on validation or calibration images, and see those there are."""

import streamlit as st

from core.errors import PneumoDeskError
from core.evaluation.operating_point import OperatingPointRule, RuleKind
from core.language import mark, tr
from core.services.desk import Desk
from core.services.evaluation.predictions import is_selection_split
from core.services.evaluation.stored_results import load_evaluation
from core.services.evaluation.threshold_selection import keep_point, list_points, propose_point
from core.services.runs.record import RunRecord
from core.ui.plain_text import plain
from core.ui.words import moment

RULES = {
    RuleKind.YOUDEN: mark("Youden: highest sensitivity plus specificity"),
    RuleKind.TARGET_SENSITIVITY: mark("At least this sensitivity"),
    RuleKind.TARGET_SPECIFICITY: mark("At least this specificity"),
    RuleKind.COST_RATIO: mark("Cost of a miss in false alarms"),
}


def operating_point_view(desk: Desk, record: RunRecord) -> None:
    """Show the chooser and the points there are."""
    splits = [split for split in record.splits if is_selection_split(split)]
    if not splits:
        st.caption(tr("An operating point needs a finished run with predictions on validation or calibration images."))
        return
    choose, there_are = st.columns([2, 3], gap="medium")
    with choose, st.container(border=True):
        _chooser(desk, record, splits)
    with there_are:
        _points(desk, record.checkpoint_hash or "")


def _chooser(desk: Desk, record: RunRecord, splits: list[str]) -> None:
    st.markdown(tr("**Choose an operating point**"))
    split = st.segmented_control(
        tr("On"),
        splits,
        default=splits[-1],
        key="experiments.point_split",
        required=True,
        help=tr("Never test images: their figures would look too good."),
    )
    kind = st.selectbox(
        tr("So that"), list(RULES), format_func=lambda one: tr(RULES[one]), key="experiments.point_rule"
    )
    target, cost = 0.95, 5.0
    if kind in (RuleKind.TARGET_SENSITIVITY, RuleKind.TARGET_SPECIFICITY):
        target = st.slider(tr("At least"), 0.5, 1.0, 0.95, 0.005, format="%.3f", key="experiments.point_target")
    if kind is RuleKind.COST_RATIO:
        cost = st.number_input(tr("Cost of a miss, in false alarms"), 0.1, 1000.0, 5.0, key="experiments.point_cost")
    rule = OperatingPointRule(kind=kind, target=target, cost_ratio=cost)
    predicted = load_evaluation(desk, record.checkpoint_hash or "", split).predicted
    try:
        point = propose_point(predicted, rule)
    except PneumoDeskError as error:
        st.error(str(error), icon=":material/error:")
        return
    with st.container(horizontal=True):
        st.metric(tr("Threshold"), f"{point.threshold:.3f}", border=True)
        st.metric(
            tr("Indeterminate range"),
            tr(
                "{low:.3f} to {high:.3f}",
                low=point.uncertain_low,
                high=point.uncertain_high,
            ),
            border=True,
            help=tr("Images with an AI score in it are for a human to decide."),
        )
    st.caption(tr("{rule} Chosen on the {chosen_on}.", rule=point.rule, chosen_on=point.chosen_on))
    name = st.text_input(
        tr("Name"), max_chars=128, key="experiments.point_name", placeholder=tr("For example: ward, evenings")
    )
    if st.button(
        tr("Keep it"),
        type="primary",
        icon=":material/lock:",
        disabled=not name.strip(),
        key="experiments.point_keep",
        help=tr("Saved for good; a new version can follow."),
    ):
        kept = keep_point(desk, predicted, rule, name)
        st.toast(
            tr("{name}, version {version}, is kept.", name=kept.point.name, version=kept.version),
            icon=":material/lock:",
        )


def _points(desk: Desk, checkpoint_hash: str) -> None:
    st.markdown(tr("**Kept for checkpoint {checkpoint_hash}**", checkpoint_hash=checkpoint_hash[:12]))
    points = list_points(desk, checkpoint_hash)
    if not points:
        st.caption(tr("None yet. The run's own threshold is on its card."))
        return
    for chosen in points:
        point = chosen.point
        with st.container(border=True):
            with st.container(horizontal=True, vertical_alignment="center"):
                st.markdown(f"**{plain(point.name)}**", width="content")
                st.badge(tr("version {version}", version=chosen.version), color="blue")
                st.badge(tr("never changed"), icon=":material/lock:", color="gray")
                st.caption(moment(chosen.created_at))
            st.markdown(
                tr(
                    "Threshold {threshold:.3f}, indeterminate {low:.3f}–{high:.3f}",
                    threshold=point.threshold,
                    low=point.uncertain_low,
                    high=point.uncertain_high,
                )
            )
            st.caption(tr("{rule} Chosen on {chosen_on}.", rule=plain(point.rule), chosen_on=plain(point.chosen_on)))
