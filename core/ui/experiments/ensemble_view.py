"""Ensembles: made of marked runs, listed, compared with their members."""

from collections.abc import Callable, Sequence

import streamlit as st

from core.errors import PneumoDeskError
from core.evaluation.catalogue import METRIC
from core.evaluation.ensembling import Voting
from core.evaluation.metrics import engine_text, interval_notes
from core.evaluation.proportions import kept_inside_0_and_1
from core.language import mark, tr
from core.services.desk import Desk
from core.services.experiments.ensemble_comparison import EnsembleComparison, compare_ensemble
from core.services.experiments.ensembles import EnsembleRequest, EnsembleSummary, create_ensemble, list_ensembles
from core.services.runs.record import get_record
from core.ui.experiments.together import NONE_MARKED
from core.ui.plain_text import plain

VOTING = {
    Voting.SOFT: mark("Mean probability"),
    Voting.WEIGHTED: mark("Fitted weights"),
    Voting.HARD: mark("Counted votes"),
}
FIGURES = ("auc", "accuracy", "sensitivity", "specificity")
COSTS = "experiments.ensemble_costs"
CHOSEN = "experiments.ensemble_chosen"


def ensemble_view(desk: Desk, ids: Sequence[str], on_back: Callable[[], None]) -> None:
    """Show the form for marked runs, and the ensembles there are."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.subheader(tr("Ensembles"), width="content")
        st.space("stretch")
        if st.button(tr("All runs"), icon=":material/arrow_back:", key="experiments.ensemble_back"):
            on_back()
    if list(ids) != [NONE_MARKED]:
        _form(desk, ids)
    ensembles = list_ensembles(desk)
    if not ensembles:
        st.caption(tr("There is no ensemble yet. Mark two to eight finished runs in the history to make one of them."))
        return
    chosen = _list(ensembles)
    if chosen is not None:
        _comparison(desk, chosen)


def _form(desk: Desk, ids: Sequence[str]) -> None:
    records = [get_record(desk, run_id) for run_id in ids]
    with st.form("experiments.ensemble_form"):
        st.markdown(tr("**Make one of** {name}", name=", ".join(plain(record.name) for record in records)))
        with st.container(horizontal=True, vertical_alignment="bottom"):
            name = st.text_input(
                tr("Name"),
                key="experiments.ensemble_name",
                max_chars=60,
                placeholder=tr("Letters, digits, dots, dashes"),
            )
            voting = st.segmented_control(
                tr("Voting"),
                list(VOTING),
                default=Voting.SOFT,
                format_func=lambda voting: tr(VOTING[voting]),
                key="experiments.ensemble_voting",
                required=True,
                help=tr(
                    "The mean of the members' probabilities; a mean with weights fitted on the validation images; or "
                    "the share of members that flag the image at their own thresholds."
                ),
            )
            half = st.toggle(
                tr("Half size"),
                key="experiments.ensemble_half",
                help=tr("Keeps the weights at 16 bits and computes with 32; probabilities hardly move."),
            )
        st.caption(
            tr(
                "Weights are fitted on the validation images, probabilities on the calibration images, the threshold "
                "on both. The members go into the ensemble whole: it outlives their runs."
            )
        )
        if not st.form_submit_button(tr("Make the ensemble"), type="primary", icon=":material/group_work:"):
            return
    try:
        with st.spinner(tr("Fitting …")):
            made = create_ensemble(
                desk, EnsembleRequest(name=name.strip(), runs=tuple(ids), voting=voting, half_precision=half)
            )
    except PneumoDeskError as error:
        st.error(str(error), icon=":material/error:")
        return
    st.session_state[CHOSEN] = made.name
    st.query_params.from_dict({"ensemble": NONE_MARKED})
    st.rerun()


def _list(ensembles: Sequence[EnsembleSummary]) -> EnsembleSummary | None:
    by_name = {ensemble.name: ensemble for ensemble in ensembles}
    st.dataframe(
        [
            {
                tr("Ensemble"): ensemble.name,
                tr("Voting"): tr(VOTING[ensemble.recipe.voting]),
                tr("Members"): ", ".join(f"{member.name} ({member.weight:.2f})" for member in ensemble.recipe.members),
                tr("Validation AUC"): kept_inside_0_and_1(ensemble.card.metrics["validation"].auc, 4),
                tr("Threshold"): point.threshold if (point := ensemble.card.operating_point) else None,
                "MB": ensemble.num_bytes / 1e6,
            }
            for ensemble in ensembles
        ],
        hide_index=True,
        key="experiments.ensembles",
        alt=tr("Ensembles with their members"),
        column_config={
            tr("Validation AUC"): st.column_config.NumberColumn(format="%.4f"),
            tr("Threshold"): st.column_config.NumberColumn(format="%.3f"),
            "MB": st.column_config.NumberColumn(format="%.1f"),
        },
    )
    if st.session_state.get(CHOSEN) not in by_name:
        st.session_state[CHOSEN] = ensembles[-1].name
    with st.container(horizontal=True, vertical_alignment="bottom"):
        name = st.selectbox(tr("Compare with its members"), list(by_name), key=CHOSEN, width=320)
    return by_name.get(name)


def _comparison(desk: Desk, ensemble: EnsembleSummary) -> None:
    costs = st.session_state.setdefault(COSTS, set())
    try:
        with st.spinner(tr("Timing each model for a few seconds …")) if ensemble.name in costs else st.container():
            judged = compare_ensemble(desk, ensemble.name, with_cost=ensemble.name in costs)
    except PneumoDeskError as error:
        st.error(str(error), icon=":material/error:")
        return
    st.dataframe(
        _rows(judged), hide_index=True, placeholder="–", key="experiments.members", alt=tr("Members and the whole")
    )
    with st.container(horizontal=True, vertical_alignment="center"):
        if ensemble.name not in costs and st.button(
            tr("Measure time and memory"),
            icon=":material/speed:",
            key="experiments.ensemble_measure",
            help=tr("Times the ensemble and each member for some seconds, each in a process of its own."),
        ):
            costs.add(ensemble.name)
            st.rerun()
        st.caption(
            tr(
                "{num_films:,} validation images with 95 % intervals. {note} p-values are corrected for the number of "
                "members (Holm).",
                num_films=judged.num_films,
                note=judged.note,
            )
            + " "
            + " ".join(interval_notes([judged.report, *(member.report for member in judged.members)]))
        )
    if ensemble.idle_members:
        idle = plain(", ".join(ensemble.idle_members))
        st.caption(
            tr(":material/info: The fit gave no part to {members}: without it the same costs less time.", members=idle)
        )
    for member in judged.members:
        with st.container(border=True):
            st.markdown(tr("**{name}** against **{member}**", name=plain(judged.name), member=plain(member.member)))
            st.markdown(plain(member.words))
    st.caption(tr("Analyse images with it from the command line or the REST API, like any model:"))
    st.code(f"python -m core triage FOLDER --model ensemble:{ensemble.name}", language="bash", wrap_lines=True)


def _rows(judged: EnsembleComparison) -> list[dict[str, object]]:
    entries = [(tr("{name} (the ensemble)", name=judged.name), None, judged.report, judged.cost)]
    entries += [(member.member, member.weight, member.report, member.cost) for member in judged.members]
    return [
        {
            tr("Model"): name,
            tr("Weight"): weight,
            **{METRIC[key].name: report.say(key) for key in FIGURES},
            tr("Computed by"): engine_text(report),
            **(
                {
                    tr("Images/s"): round(cost.films_per_second),
                    tr("Memory at most"): tr("{peak_megabytes:.0f} MB", peak_megabytes=cost.peak_megabytes),
                    tr("Weights"): tr("{weight_megabytes:.1f} MB", weight_megabytes=cost.weight_megabytes),
                }
                if cost
                else {}
            ),
        }
        for name, weight, report, cost in entries
    ]
