"""A model of another desk, or the original study's, comes onto this one."""

import tempfile
from pathlib import Path

import streamlit as st

from core.errors import PneumoDeskError
from core.language import tr
from core.services.desk import Desk
from core.services.registry.zip_archive import STATE_DICT_ENDINGS, import_model
from core.ui.plain_text import plain
from core.ui.reader_name.component import current_reader


def import_form(desk: Desk) -> None:
    """Ask for a file and a name, and take the model in if every hash holds."""
    with st.form("models.import_form"):
        given = st.file_uploader(
            tr("A model's zip, as another desk exported it, or the original study's pneumonia_model.pth"),
            type=["zip", *(ending.removeprefix(".") for ending in STATE_DICT_ENDINGS)],
            key="models.import_file",
        )
        name = st.text_input(tr("Name"), key="models.import_name", max_chars=60, width=320)
        st.caption(
            tr(
                "Hashes are checked; nothing in the file is run. The original study's model has no gate and no "
                "operating point: choose one by `python -m core models choose-point` before promoting it."
            )
        )
        if not st.form_submit_button(tr("Import"), type="primary", icon=":material/upload:"):
            return
    if given is None:
        st.error(tr("Choose a file first."), icon=":material/error:")
        return
    try:
        with tempfile.TemporaryDirectory() as folder, st.spinner(tr("Checking …")):
            path = Path(folder) / Path(given.name).name
            path.write_bytes(given.getbuffer())
            card = import_model(desk, path, name.strip(), current_reader())
    except PneumoDeskError as error:
        st.error(str(error), icon=":material/error:")
        return
    st.success(
        tr("{name} is imported: choose it in Triage or Compare.", name=plain(card.name)), icon=":material/check:"
    )
