"""Naming a folder of this machine as a dataset to train on."""

import streamlit as st

from core.errors import PneumoDeskError
from core.language import tr
from core.services.datasets.known_datasets import index_server_folder
from core.services.desk import Desk


def folder_form(desk: Desk) -> None:
    """Index a folder of the server, with progress, and reload the page with it."""
    roots = tr(" or ").join(str(root) for root in desk.settings.allowed_film_roots)
    with st.form("training.folder", border=False):
        folder = st.text_input(tr("Folder of labelled images"), placeholder=str(desk.settings.allowed_film_roots[0]))
        st.caption(tr("Below {roots}; with one subfolder for each class, or a metadata.csv.", roots=roots))
        if not st.form_submit_button(tr("Index it"), icon=":material/folder_open:") or not folder:
            return
    bar = st.progress(0.0, text=tr("Indexing …"))

    def show(done: int, count: int) -> None:
        bar.progress(done / max(1, count), text=tr("{done:,} of {count:,} files", done=done, count=count))

    try:
        index_server_folder(desk, folder, show)
    except PneumoDeskError as error:
        bar.empty()
        st.error(str(error), icon=":material/error:")
        return
    st.rerun()
