"""Buttons that let results leave the desk; a document is made only when its button is pressed."""

import streamlit as st

from core.language import tr
from core.services.desk import Desk
from core.services.worklist.reports import ExportFormat, export_batch, export_study
from core.ui.reader_name.component import current_reader

WORDS = {
    ExportFormat.PDF: ("PDF", "application/pdf", ":material/picture_as_pdf:"),
    ExportFormat.CSV: ("CSV", "text/csv", ":material/table:"),
    ExportFormat.JSON: ("JSON", "application/json", ":material/data_object:"),
}


def batch_export(desk: Desk, batch_id: str, *, disabled: bool) -> None:
    """Offer the ranked list of a batch."""
    reader = current_reader()
    with st.popover(tr("Export"), icon=":material/download:", disabled=disabled, key="triage.export"):
        for kind, (label, mime, icon) in WORDS.items():
            st.download_button(
                label,
                lambda kind=kind: export_batch(desk, batch_id, kind, reader),
                file_name=f"triage-{batch_id}.{kind.value}",
                mime=mime,
                icon=icon,
                on_click="ignore",
                key=f"triage.export.{kind.value}",
                width="stretch",
            )


def study_export(desk: Desk, reading_id: int) -> None:
    """Offer the page of one study."""
    reader = current_reader()
    with st.container(horizontal=True):
        for kind, (_, mime, icon) in WORDS.items():
            st.download_button(
                kind.value.upper(),
                lambda kind=kind: export_study(desk, reading_id, kind, reader),
                file_name=f"study-{reading_id}.{kind.value}",
                mime=mime,
                icon=icon,
                on_click="ignore",
                help=tr("This study with its provenance and the readers' findings."),
                key=f"triage.study.{kind.value}",
            )
