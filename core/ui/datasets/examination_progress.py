"""The state of an import, live while it runs."""

import streamlit as st

from core.errors import PneumoDeskError
from core.services.datasets.import_jobs import ExaminationStatus, examine_again, get_examination, stop_examination
from core.services.desk import Desk
from core.ui.plain_text import plain
from core.ui.words import duration

STAGE_WORDS = {
    "": "Waiting for its process",
    "downloading": "Downloading from Kaggle",
    "drawing": "Drawing images",
    "unpacking": "Unpacking",
    "indexing": "Reading and decoding files",
    "measuring": "Measuring images",
    "auditing": "Looking for copies, leaks and shortcuts",
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
            count = f": {now.num_done:,} of {now.num_files:,}" if now.num_files > 1 else " …"
            left = f" · about {duration(now.seconds_left)} left of this step" if now.seconds_left else ""
            st.progress(min(share, 1.0), text=f"{STAGE_WORDS.get(now.stage, now.stage)}{count}{left}")
            if st.button("Stop", icon=":material/stop:", key="dataset.stop", disabled=now.state == "stopping"):
                stop_examination(desk, now.id)
                st.rerun(scope="fragment")
        elif now.state != "completed":
            st.warning(plain(now.error or "It was stopped."), icon=":material/warning:")
            st.caption("What was read is kept: resuming reads only what is new, changed or still unread.")
            if st.button("Resume", icon=":material/play_arrow:", key="dataset.resume", type="primary"):
                examine_again(desk, now.id)
                st.rerun()

    show()
