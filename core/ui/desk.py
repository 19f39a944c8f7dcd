"""The dashboard's entry script: the look of every page, navigation, and what stands beside each page."""

from pathlib import Path

import streamlit as st

from core.settings import NOTICE
from core.ui.reader.component import reader_badge

PAGES_FOLDER = Path(__file__).resolve().parents[2] / "pages"
ICON = Path(__file__).with_name("icon.png")

# A file as icon: one of Streamlit's own would be fetched from a foreign host.
st.set_page_config(page_icon=str(ICON), layout="wide")
page = st.navigation(
    [
        st.Page(
            PAGES_FOLDER / "overview.py",
            title="Overview",
            icon=":material/space_dashboard:",
            default=True,
            help="The state of the desk: model, device, data and the next step.",
        ),
        st.Page(
            PAGES_FOLDER / "triage.py",
            title="Triage",
            icon=":material/radiology:",
            help="Give films, and work through them from the most urgent on.",
        ),
    ]
)
with st.sidebar:
    reader_badge()
    st.caption(NOTICE)
page.run()
