"""A model's zip comes onto the desk."""

import tempfile
from pathlib import Path

import streamlit as st

from core.errors import PneumoDeskError
from core.services.desk import Desk
from core.services.model_archive import import_archive
from core.ui.plain_text import plain
from core.ui.reader.component import current_reader


def import_form(desk: Desk) -> None:
    """Ask for a zip and a name, and take the model in if every hash holds."""
    with st.form("models.import_form"):
        given = st.file_uploader("A model's zip, as another desk exported it", type=["zip"], key="models.import_file")
        name = st.text_input("Name", key="models.import_name", max_chars=60, width=320)
        st.caption(
            "Every hash is checked and nothing in the zip is run. The original study's `pneumonia_model.pth` is "
            "imported by `python -m core models import`."
        )
        if not st.form_submit_button("Import", type="primary", icon=":material/upload:"):
            return
    if given is None:
        st.error("Choose a zip first.", icon=":material/error:")
        return
    try:
        with tempfile.TemporaryDirectory() as folder, st.spinner("Checking …"):
            path = Path(folder) / "model.zip"
            path.write_bytes(given.getbuffer())
            card = import_archive(desk, path, name.strip(), current_reader())
    except PneumoDeskError as error:
        st.error(str(error), icon=":material/error:")
        return
    st.success(f"{plain(card.name)} is here. Promote it to read with it.", icon=":material/check:")
