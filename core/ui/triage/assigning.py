"""Studies given to a reader."""

import streamlit as st

from core.errors import PneumoDeskError
from core.language import tr
from core.services.desk import Desk
from core.services.desk.reader_names import clean_reader_name
from core.services.worklist.studies import assign_studies
from core.services.worklist.verdicts import list_readers
from core.ui.triage.study_list import ShownStudies

PROBLEM = "triage.assign.problem"
NAME = "triage.assign.name"


def assign_popover(desk: Desk, shown: ShownStudies, reader: str | None) -> None:
    """Offer to give the study being read, or all that are shown, to a reader."""
    if shown.current is None:
        return
    with st.popover(tr("Assign"), icon=":material/person_add:", disabled=reader is None):
        names = sorted({*list_readers(desk), *([reader] if reader else [])})
        st.selectbox(
            tr("To"),
            names,
            index=None,
            placeholder=tr("A reader's name"),
            accept_new_options=True,
            key=NAME,
            help=tr("Empty: to nobody."),
        )
        for name, label, studies in (
            ("this", tr("This study"), [shown.current]),
            (
                "all",
                tr("All {num_studies:,} shown", num_studies=len(shown.studies)),
                shown.studies["study"].tolist(),
            ),
        ):
            st.button(
                label,
                key=f"triage.assign.{len(studies) == 1}.{name}",
                on_click=_assign,
                args=(desk, studies, reader),
                width="stretch",
            )
        if problem := st.session_state.pop(PROBLEM, None):
            st.error(problem, icon=":material/error:")


def _assign(desk: Desk, studies: list[str], reader: str | None) -> None:
    try:
        assign_studies(desk, studies, clean_reader_name(st.session_state.get(NAME) or ""), reader)
    except PneumoDeskError as error:
        st.session_state[PROBLEM] = str(error)
