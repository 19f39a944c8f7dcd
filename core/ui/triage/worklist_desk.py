"""The list and the image beside each other: the part of the Triage page that is used all day."""

import streamlit as st

from core.language import tr
from core.result_words import escalation_in_words
from core.services.desk import Desk
from core.services.worklist.studies import Worklist
from core.ui.reader_name.component import current_reader
from core.ui.triage.assigning import assign_popover
from core.ui.triage.reading_pane import reading_pane
from core.ui.triage.study_list import CURRENT, ShownStudies, current_worklist, shown_studies, study_filters, study_table
from core.ui.triage.verdict_bar import note_field, verdict_bar, verdicts_side_by_side, way_on


def worklist_desk(desk: Desk, batch_id: str | None = None) -> None:
    """Show the worklist of all batches or of one; a key or a verdict runs only this part of the page again."""
    if CURRENT not in st.session_state:
        st.session_state[CURRENT] = st.query_params.get("study")

    @st.fragment
    def show() -> None:
        """Show it as it is now."""
        worklist = current_worklist(desk, batch_id)
        if worklist.studies.empty:
            st.caption(tr("No images have been analysed yet. Add some to list them here."))
            return
        reader = current_reader()
        listed, pane = st.columns(2, gap="medium")
        with listed:
            _progress(worklist)
            shown = shown_studies(worklist, study_filters(desk, worklist), reader)
            study_table(desk, shown, batch_id)
            assign_popover(desk, shown, reader)
        with pane:
            _reading(desk, worklist, shown, reader)

    show()


def _progress(worklist: Worklist) -> None:
    studies = worklist.studies
    num_judged, num_lifted = int(studies["is_judged"].sum()), int(studies["is_lifted"].sum())
    lifted = f" · {num_lifted:,} {escalation_in_words(worklist.rules.waiting_cap_hours)}" if num_lifted else ""
    st.progress(
        num_judged / len(studies),
        text=tr("{num_judged:,} of {num_studies:,} studies read", num_judged=num_judged, num_studies=len(studies))
        + lifted,
    )


def _reading(desk: Desk, worklist: Worklist, shown: ShownStudies, reader: str | None) -> None:
    if shown.current is None:
        st.caption(tr("All studies are read.") if worklist.studies["is_judged"].all() else tr("No study is chosen."))
        return
    row = worklist.studies[worklist.studies["study"] == shown.current].iloc[0]
    way_on(desk, shown, reader)
    verdict_bar(desk, shown, row, reader)
    following = shown.neighbour(1)
    after = worklist.studies[worklist.studies["study"] == following].iloc[0] if following else None
    reading_pane(desk, row, worklist.rules, following=after)
    note_field(shown, reader)
    verdicts_side_by_side(desk, shown.current, reader)
