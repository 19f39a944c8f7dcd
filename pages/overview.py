"""Overview: what this desk is set to, and what it is not."""

import streamlit as st

from core.errors import PneumoDeskError
from core.services.desk import open_desk

st.title("Overview")
st.caption("A chest X-ray desk for pneumonia: explore, train, compare, triage.")
try:
    desk = open_desk()
except PneumoDeskError as error:
    st.error(str(error), icon=":material/error:")
    st.stop()

with st.container(border=True):
    st.subheader("This desk")
    st.table(
        {
            "Home folder": str(desk.settings.home),
            "Device": desk.settings.device,
            "Database": desk.engine.url.render_as_string(hide_password=True),
        },
        border="horizontal",
    )
