"""One sweep: how far it is, the best run so far, every run, and what can be done with it."""

import pandas as pd
import streamlit as st

from core.errors import PneumoDeskError
from core.evaluation.proportions import kept_inside_0_and_1
from core.language import tr
from core.services.desk import Desk
from core.services.sweeps.control import resume_sweep, stop_sweep
from core.services.sweeps.request import Objective
from core.services.sweeps.status import SweepDetail, SweepTrial, get_sweep
from core.ui.config_form import words
from core.ui.plain_text import plain
from core.ui.training.addresses import open_run, open_sweeps
from core.ui.training.machine import machine_row
from core.ui.training.sweep_words import KINDS, OBJECTIVES, best_words, progress_of, time_words
from core.ui.words import duration, moment, state_word

SECONDS_BETWEEN_LOOKS = 2
TABLE_HEIGHT_PX = 420


def sweep_view(desk: Desk, sweep_id: str) -> None:
    """Show one sweep, moving while it runs."""
    first = get_sweep(desk, sweep_id)
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        st.subheader(first.line.name)
        if st.button(tr("All sweeps"), icon=":material/arrow_back:", key="training.sweeps_back"):
            open_sweeps()
    st.caption(
        tr(
            "Sweep {sweep_id} · {kind} · started {created_at} · images of {folder}",
            sweep_id=first.line.id,
            kind=tr(KINDS.get(first.line.kind, first.line.kind)),
            created_at=moment(first.line.created_at),
            folder=first.request.data,
        )
        + (f" · {tr('split {name}', name=plain(first.request.split))}" if first.request.split else "")
    )

    @st.fragment(run_every=SECONDS_BETWEEN_LOOKS if first.line.is_live else None)
    def show() -> None:
        """Show it as it is now."""
        try:
            sweep = get_sweep(desk, first.line.id)
        except PneumoDeskError as error:
            st.error(str(error), icon=":material/error:")
            return
        if first.line.is_live and not sweep.line.is_live:
            st.rerun()
        _state(sweep)
        _buttons(desk, sweep)
        _table(sweep)
        _curve(sweep)
        if sweep.line.is_live:
            machine_row(desk)

    show()


def _state(sweep: SweepDetail) -> None:
    word, icon, colour = state_word(sweep.line.state)
    st.badge(word, icon=icon, color=colour)
    st.progress(sweep.line.counts.fraction, text=progress_of(sweep.line))
    if sweep.line.error:
        st.error(sweep.line.error, icon=":material/error:")
    counts = sweep.line.counts
    objective = tr(OBJECTIVES[sweep.request.objective.value])
    with st.container(horizontal=True):
        st.metric(
            tr("Runs done"),
            tr("{num_done} of {num_trials}", num_done=counts.num_done, num_trials=counts.num_trials),
            border=True,
        )
        st.metric(
            tr("Best {objective}", objective=objective[0].lower() + objective[1:]),
            best_words(sweep),
            border=True,
            help=tr(
                "Of the epoch that was kept. These images choose epoch and run, so the best of many flatters: "
                "evaluate it under Experiments."
            ),
        )
        st.metric(
            tr("Pruned"), str(counts.num_pruned), border=True, help=tr("Runs that a search pruned as unpromising.")
        )
        st.metric(
            tr("Time left") if sweep.line.is_live else tr("Runs took"),
            time_words(sweep),
            border=True,
            help=tr("By the mean of the runs that have ended.") if sweep.line.is_live else tr("All runs together."),
        )


def _buttons(desk: Desk, sweep: SweepDetail) -> None:
    counts = sweep.line.counts
    with st.container(horizontal=True):
        if sweep.line.is_live:
            if st.button(
                tr("Stop all"),
                icon=":material/stop:",
                type="primary",
                key="training.stop_sweep",
                help=tr("Ends each run after its step, with a checkpoint, and starts no more. Resume continues there."),
            ):
                stop_sweep(desk, sweep.line.id)
                st.rerun()
        elif counts.num_done < counts.num_trials and st.button(
            tr("Resume"),
            icon=":material/play_arrow:",
            type="primary",
            key="training.resume_sweep",
            help=tr("Runs what is missing; completed and pruned runs are not repeated."),
        ):
            resume_sweep(desk, sweep.line.id)
            st.rerun()
        if sweep.best is not None and st.button(
            tr("Open the best run"), icon=":material/trophy:", key="training.best_of_sweep"
        ):
            open_run(sweep.best.run_id)


def _curve(sweep: SweepDetail) -> None:
    valued = [trial for trial in sweep.trials if trial.value is not None]
    if len(valued) < 2:
        return
    objective = tr(OBJECTIVES[sweep.request.objective.value])
    values = pd.Series([one.value for one in valued])
    best = values.cummin() if sweep.request.objective.is_better_when_lower else values.cummax()
    frame = pd.DataFrame({tr("Trial"): [one.number + 1 for one in valued], tr("Run"): values, tr("Best so far"): best})
    st.vega_lite_chart(
        frame,
        # Not from zero on: the runs of a sweep lie close together.
        {
            "encoding": {
                "x": {"field": tr("Trial"), "type": "quantitative", "axis": {"tickMinStep": 1}},
                "y": {"type": "quantitative", "scale": {"zero": False}, "title": objective},
            },
            "layer": [
                {
                    "mark": {"type": "line", "interpolate": "step-after"},
                    "encoding": {"y": {"field": tr("Best so far")}},
                },
                {"mark": {"type": "point", "filled": True, "tooltip": True}, "encoding": {"y": {"field": tr("Run")}}},
            ],
        },
        height=240,
        alt=tr("{objective} of each run as points, and the best up to it as a line", objective=objective),
    )
    st.caption(tr("Points: completed runs. Line: best so far."))


def _table(sweep: SweepDetail) -> None:
    if not sweep.trials:
        st.caption(tr("The first run is being chosen."))
        return
    objective = tr(OBJECTIVES[sweep.request.objective.value])
    rows = pd.DataFrame([_row(trial, sweep.best, sweep.request.objective) for trial in sweep.trials])
    if not rows[tr("What happened")].any():
        rows = rows.drop(columns=tr("What happened"))
    chosen = st.dataframe(
        rows,
        hide_index=True,
        height=min(TABLE_HEIGHT_PX, 38 + 35 * len(rows)),
        on_select="rerun",
        selection_mode="single-row",
        key=f"training.trials.{sweep.line.id}",
        placeholder="–",
        column_config={objective: st.column_config.NumberColumn(format="%.4f")},
        alt=tr("Runs of this sweep, in the order in which they were asked for"),
    )
    st.caption(tr("Select a run to open it."))
    if chosen.selection.rows:
        open_run(sweep.trials[chosen.selection.rows[0]].run_id)


def _row(trial: SweepTrial, best: SweepTrial | None, objective: Objective) -> dict[str, object]:
    state = tr(trial.state)
    if trial.pruned_epoch is not None:
        state = tr("{state}, epoch {pruned_epoch}", state=state, pruned_epoch=trial.pruned_epoch)
    return {
        tr("Trial"): trial.number + 1,
        tr("State"): tr("{state} (best)", state=state) if best is not None and trial.run_id == best.run_id else state,
        **{words(name): value for name, value in trial.settings.items()},
        # A loss has no end at 1 that it could be rounded to.
        tr(OBJECTIVES[objective.value]): (
            trial.value if objective.is_better_when_lower else kept_inside_0_and_1(trial.value, 4)
        ),
        tr("Took"): duration(trial.seconds),
        tr("What happened"): trial.error or "",
    }
