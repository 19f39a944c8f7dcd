"""One run: how far it is, its curves, its log, and what can be done with it."""

import streamlit as st

from core.errors import PneumoDeskError
from core.evaluation.catalogue import METRIC
from core.language import tr
from core.services.desk import Desk
from core.services.runs.checkpoint_storage import clean_checkpoints, resumable_bytes
from core.services.runs.control import kill, request_going_on_from, request_of, requeue, resume, stop
from core.services.runs.status import RunDetail, RunStatus, get_detail, read_log
from core.ui.navigation import go_to
from core.ui.plain_text import plain
from core.ui.training.addresses import open_form, open_form_going_on, open_run, open_runs
from core.ui.training.curves import live_curves
from core.ui.training.machine import machine_row
from core.ui.training.run_list import SECONDS_BETWEEN_LOOKS, tell_of_ends
from core.ui.training.words import progress_words
from core.ui.words import duration, moment, size, state_word

NUM_LOG_LINES = 40


def run_view(desk: Desk, run_id: str) -> None:
    """Show one run, moving while it is queued or running."""
    first = get_detail(desk, run_id)
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        st.subheader(first.status.name)
        if st.button(tr("All runs"), icon=":material/arrow_back:", key="training.back"):
            open_runs()
    st.caption(
        tr(
            "Run {run_id} · {architecture} · seed {seed} · on {device} · queued {created_at} · images of {folder}",
            run_id=first.status.id,
            architecture=first.status.architecture,
            seed=first.status.seed,
            device=first.status.device,
            created_at=moment(first.status.created_at),
            folder=first.status.data or tr("an unknown folder"),
        )
        + (f" · {tr('split {name}', name=plain(first.status.split_name))}" if first.status.split_name else "")
    )
    was_live = first.status.is_live

    @st.fragment(run_every=SECONDS_BETWEEN_LOOKS if was_live else None)
    def show() -> None:
        """Show it as it is now."""
        try:
            detail = get_detail(desk, first.status.id)
        except PneumoDeskError as error:
            st.error(str(error), icon=":material/error:")
            return
        tell_of_ends(desk)
        if was_live and not detail.status.is_live:
            st.rerun()
        _state(detail)
        _buttons(desk, detail.status)
        live_curves(desk, detail)
        if detail.status.is_live:
            machine_row(desk)
        with st.expander(tr("Log"), icon=":material/article:"):
            st.code(
                read_log(desk, detail.status.id, NUM_LOG_LINES) or tr("Nothing has been written yet."), language=None
            )

    show()


def _state(detail: RunDetail) -> None:
    run = detail.status
    word, icon, colour = state_word(run.state)
    st.badge(word, icon=icon, color=colour)
    if run.is_live:
        st.progress(min(1.0, run.fraction or 0.0), text=progress_words(run))
    if run.failure:
        with st.container(border=True):
            st.markdown(f":material/report: **{run.failure.explanation}**")
            st.caption(tr("What to do: {next_step}", next_step=run.failure.next_step))
            if run.failure.log:
                with st.expander(tr("The log's end when it happened"), icon=":material/article:"):
                    st.code(run.failure.log, language=None)
    elif run.error:
        st.caption(run.error)
    _figures(detail)


def _figures(detail: RunDetail) -> None:
    run = detail.status
    last = detail.epochs[-1] if detail.epochs else {}
    speed = run.films_per_second or last.get("films_per_second")
    auc = METRIC["auc"]
    ended = (run.finished_at - run.started_at).total_seconds() if run.finished_at and run.started_at else None
    with st.container(horizontal=True):
        st.metric(tr("Epochs done"), f"{len(detail.epochs)}", border=True)
        st.metric(
            tr("Best epoch"),
            str(detail.best_epoch or "–"),
            border=True,
            help=tr("The one whose weights were kept.")
            if run.checkpoint_hash
            else tr("The one with the lowest loss so far."),
        )
        st.metric(
            tr("Validation AUC") if detail.is_final else tr("Validation AUC, best epoch"),
            "–" if detail.validation_auc is None else auc.say(detail.validation_auc),
            border=True,
            help=tr("Of the finished model, as on every other page: these images chose the epoch, so it flatters.")
            if detail.is_final
            else tr("As computed in training; the finished model is measured again in the number format of its card."),
        )
        st.metric(
            tr("Images per second"),
            f"{speed:,.0f}" if speed else "–",
            border=True,
            help=tr(
                "Of the newest epoch. Of a frozen network only the head learns, from features computed beforehand: "
                "this is the head's speed."
            ),
        )
        if run.is_live:
            st.metric(tr("Time left"), duration(run.seconds_left), border=True)
        else:
            st.metric(tr("Took"), duration(ended), border=True)


def _buttons(desk: Desk, run: RunStatus) -> None:
    with st.container(horizontal=True):
        if run.is_live:
            if st.button(
                tr("Stop"),
                icon=":material/stop:",
                key="training.stop",
                type="primary",
                disabled=run.state == "stopping",
                help=tr("Ends after the current step, with a checkpoint to resume from."),
            ):
                stop(desk, run.id)
                st.rerun(scope="fragment")
            if st.button(
                tr("End at once"),
                icon=":material/dangerous:",
                key="training.kill",
                help=tr("Ends its process now. The steps since the last checkpoint are taken again on resuming."),
            ):
                kill(desk, run.id)
                st.rerun()
        elif run.can_resume and st.button(
            tr("Resume"),
            icon=":material/play_arrow:",
            key="training.resume",
            type="primary",
            help=tr("From its checkpoint."),
        ):
            resume(desk, run.id)
            st.rerun()
        if run.checkpoint_hash and st.button(
            tr("Evaluate"),
            icon=":material/experiment:",
            key="training.judge",
            type="primary",
            help=tr("Leads to Experiments."),
        ):
            go_to("experiments", run=run.id)
        _other_runs(desk, run)


def _clean(desk: Desk, run: RunStatus) -> None:
    num_bytes = resumable_bytes(desk, run.id)
    if num_bytes and st.button(
        tr("Clean checkpoints ({num_bytes})", num_bytes=size(num_bytes)),
        icon=":material/cleaning_services:",
        key="training.clean",
        help=tr("Deletes the resume checkpoints; the model is kept. Resuming restarts at epoch 1."),
    ):
        clean_checkpoints(desk, run.id)
        st.rerun()


def _other_runs(desk: Desk, run: RunStatus) -> None:
    if not run.is_live:
        _clean(desk, run)
    if not run.is_live and st.button(
        tr("Queue again"), icon=":material/replay:", key="training.requeue", help=tr("The same choices as a new run.")
    ):
        open_run(requeue(desk, run.id))
    if st.button(
        tr("New run like this"),
        icon=":material/content_copy:",
        key="training.clone",
        help=tr("Opens the form, filled in."),
    ):
        # Raises in words if its choices no longer make sense, before the form is opened.
        request_of(desk, run.id)
        open_form(run.id)
    if run.is_completed and st.button(
        tr("Start from it"),
        icon=":material/conversion_path:",
        key="training.go_on_from",
        help=tr("Opens the form of a new run that begins with the weights of this one, on the same split."),
    ):
        request_going_on_from(desk, [run.id])
        open_form_going_on(run.id)
