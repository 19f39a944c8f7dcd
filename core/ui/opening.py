"""What every page begins with."""

import streamlit as st

from core.errors import PneumoDeskError
from core.services.desk import Desk, open_desk


def open_desk_or_stop() -> Desk:
    """Return the desk, or say in a sentence why it cannot be opened and end the page there."""
    try:
        return open_desk()
    except PneumoDeskError as error:
        st.error(str(error), icon=":material/error:")
        st.stop()
