"""The dashboard's entry script: the look of every page, navigation, and what is beside each page."""

from pathlib import Path

import streamlit as st

from core.language import tr
from core.settings import NOTICE
from core.ui.navigation import all_pages
from core.ui.reader_name.component import reader_badge

ICON = Path(__file__).with_name("icon.png")

# A file as icon: one of Streamlit's own would be fetched from a foreign host.
st.set_page_config(page_icon=str(ICON), layout="wide")
page = st.navigation(all_pages())
with st.sidebar:
    reader_badge()
# Not in the sidebar: that can be closed.
st.caption(tr(NOTICE))
page.run()
