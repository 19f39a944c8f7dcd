"""Progress of a batch, live while it is analysed."""

import streamlit as st

from core.errors import PneumoDeskError
from core.language import tr
from core.result_words import AI_RESULT_HELP, AI_RESULTS
from core.services.desk import Desk
from core.services.triage.batches import BatchStatus, get_batch, resume_batch, stop_batch
from core.services.worklist.studies import count_results
from core.triage.ai_result import AIResult
from core.ui.words import RESULT_COLOURS, RESULT_ICONS, duration, state_word

SECONDS_BETWEEN_LOOKS = 2.0
SECONDS_NEAR_THE_END = 0.5
FEW_FILES = 600
ALWAYS_SHOWN = (AIResult.FLAGGED, AIResult.INDETERMINATE, AIResult.NO_FLAG)


def batch_progress(desk: Desk, batch: BatchStatus) -> None:
    """Show progress, speed and time left, moving while the batch is read, with stop and resume."""

    @st.fragment(run_every=_seconds_between_looks(batch))
    def show() -> None:
        """Show it as it is now."""
        try:
            now = get_batch(desk, batch.id)
        except PneumoDeskError as error:
            # A full disk, say: looked at again until it is mended.
            st.error(str(error), icon=":material/error:")
            return
        if _seconds_between_looks(now) != _seconds_between_looks(batch):
            st.rerun()
        _bar(now)
        _counts(count_results(desk, [now.id])[now.id])
        _buttons(desk, now)

    show()


def _seconds_between_looks(batch: BatchStatus) -> float | None:
    """Look often while the end is near, seldom while it is far, and not at all once it has come."""
    if not batch.is_live:
        return None
    is_near = batch.num_files is None or batch.num_files - batch.num_done <= FEW_FILES
    return SECONDS_NEAR_THE_END if is_near else SECONDS_BETWEEN_LOOKS


def _bar(batch: BatchStatus) -> None:
    word = state_word(batch.state).word
    if batch.num_files is None:
        st.progress(0.0, text=tr("{word}: preparing the model and listing the files …", word=word.capitalize()))
        return
    share = batch.num_done / batch.num_files if batch.num_files else 1.0
    said = [
        tr(
            "{word}: {num_done:,} of {num_files:,} files",
            word=word.capitalize(),
            num_done=batch.num_done,
            num_files=batch.num_files,
        )
    ]
    if batch.films_per_second:
        said.append(tr("{films_per_second:.0f} images/s", films_per_second=batch.films_per_second))
    if batch.is_live and batch.seconds_left:
        said.append(tr("about {seconds_left} left", seconds_left=duration(batch.seconds_left)))
    st.progress(share, text=" · ".join(said))


def _counts(counts: dict[AIResult, int]) -> None:
    with st.container(horizontal=True):
        for result, count in counts.items():
            if count or result in ALWAYS_SHOWN:
                st.badge(
                    f"{AI_RESULTS[result]}: {count:,}",
                    icon=RESULT_ICONS[result],
                    color=RESULT_COLOURS[result],
                    help=AI_RESULT_HELP[result],
                )


def _buttons(desk: Desk, batch: BatchStatus) -> None:
    if batch.is_live:
        stopping = batch.state == "stopping"
        if st.button(tr("Stop"), icon=":material/stop:", key=f"triage.stop.{batch.id}", disabled=stopping):
            stop_batch(desk, batch.id)
            st.rerun(scope="fragment")
    elif batch.state in {"stopped", "lost", "failed"}:
        if batch.error:
            st.warning(batch.error, icon=":material/warning:")
        st.caption(tr("What was analysed is kept. Resuming analyses only the rest."))
        if st.button(tr("Resume"), icon=":material/play_arrow:", key=f"triage.resume.{batch.id}", type="primary"):
            resume_batch(desk, batch.id)
            st.rerun()
