"""The reader's name in the sidebar: asked for once, kept in the browser's cookie, changed at any time."""

from pathlib import Path
from urllib.parse import unquote

import streamlit as st
from streamlit.components.v2 import component

from core.language import tr
from core.services.desk.reader_names import LONGEST_NAME, clean_reader_name
from core.ui.source_files import read_joined

COOKIE = "pneumodesk_reader"
NAME = "reader.name"
IS_ASKING = "reader.is_asking"

_write_cookie = component("pneumodesk_reader", js=read_joined(Path(__file__).parent, ["cookie.js"]))


def current_reader() -> str | None:
    """Return the reader's name, or None before one was chosen."""
    if NAME not in st.session_state:
        st.session_state[NAME] = clean_reader_name(unquote(st.context.cookies.get(COOKIE, "")))
    return st.session_state[NAME]


def reader_badge() -> None:
    """Show who reads, or ask for a name; to be placed in the sidebar."""
    name = current_reader()
    if name and not st.session_state.get(IS_ASKING):
        with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
            st.text(tr("Reader: {name}", name=name))
            if st.button(tr("Change"), key="reader.change", type="tertiary", help=tr("Read under another name.")):
                st.session_state[IS_ASKING] = True
                st.rerun()
    else:
        _ask(name)
    # Written only when it was chosen here: otherwise the browser has it already.
    if NAME in st.session_state and st.session_state[NAME] != _in_browser():
        _write_cookie(key="reader.cookie", data={"cookie": COOKIE, "name": st.session_state[NAME]}, height=1)


def _ask(name: str | None) -> None:
    with st.form("reader.form", border=False):
        entered = st.text_input(
            tr("Reader"),
            value=name or "",
            max_chars=LONGEST_NAME,
            placeholder=tr("Your name"),
            key="reader.entered",
            help=tr("Shown beside what you read. Saved in this browser only; not a login."),
        )
        if st.form_submit_button(tr("Read under this name"), width="stretch"):
            st.session_state[NAME] = clean_reader_name(entered)
            st.session_state[IS_ASKING] = False
            st.rerun()


def _in_browser() -> str | None:
    return clean_reader_name(unquote(st.context.cookies.get(COOKIE, "")))
