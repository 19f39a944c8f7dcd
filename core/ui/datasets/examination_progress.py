"""The state of an import, live while it runs."""

import streamlit as st

from core.errors import PneumoDeskError
from core.language import mark, tr
from core.services.datasets.import_jobs import ExaminationStatus, examine_again, get_examination, stop_examination
from core.services.desk import Desk
from core.ui.plain_text import plain
from core.ui.words import duration

STAGE_WORDS = {
    "": mark("Waiting for its process"),
    "downloading": mark("Downloading from Kaggle"),
    "drawing": mark("Drawing images"),
    "unpacking": mark("Unpacking"),
    "indexing": mark("Reading and decoding files"),
    "measuring": mark("Measuring images"),
    "auditing": mark("Looking for copies, leaks and shortcuts"),
}


def examination_progress(desk: Desk, examination: ExaminationStatus) -> None:
    """Show stage, progress and time left, with stop while it runs and resume when it has ended early."""

    @st.fragment(run_every=1.0 if examination.is_live else None)
    def show() -> None:
        """Show it as it is now."""
        try:
            now = get_examination(desk, examination.id)
        except PneumoDeskError as error:
            st.error(str(error), icon=":material/error:")
            return
        if now.is_live != examination.is_live:
            st.rerun()
        if now.is_live:
            share = now.num_done / now.num_files if now.num_files else 0.0
            st.progress(min(share, 1.0), text=_how_far(now))
            if st.button(tr("Stop"), icon=":material/stop:", key="dataset.stop", disabled=now.state == "stopping"):
                stop_examination(desk, now.id)
                st.rerun(scope="fragment")
        elif now.state != "completed":
            st.warning(plain(now.error or tr("It was stopped.")), icon=":material/warning:")
            st.caption(tr("What was read is kept: resuming reads only what is new, changed or still unread."))
            if st.button(tr("Resume"), icon=":material/play_arrow:", key="dataset.resume", type="primary"):
                examine_again(desk, now.id)
                st.rerun()

    show()


def _how_far(now: ExaminationStatus) -> str:
    stage = tr(STAGE_WORDS.get(now.stage, now.stage))
    words = f"{stage} …"
    if now.num_files > 1:
        words = tr(
            "{stage}: {num_done:,} of {num_files:,}", stage=stage, num_done=now.num_done, num_files=now.num_files
        )
    if not now.seconds_left:
        return words
    return f"{words} · {tr('about {time} left of this step', time=duration(now.seconds_left))}"
