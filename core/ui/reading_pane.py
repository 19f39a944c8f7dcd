"""One reading: the film with where the model looked, what was found and why, and what it all rests on."""

import streamlit as st

from core.services.desk import Desk
from core.services.readings import ReadingDetail, get_reading
from core.ui.viewer.component import viewer
from core.ui.words import BAND_COLOURS, BAND_HELP, BAND_ICONS


def reading_pane(desk: Desk, reading_id: int) -> None:
    """Show a reading."""
    reading = get_reading(desk, reading_id)
    band = reading.priority if reading.status == "read" else reading.status
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(f"**{_plain(reading.file)}**")
        st.badge(band, icon=BAND_ICONS[band], color=BAND_COLOURS[band], help=BAND_HELP[band])
    st.caption(f"{reading.reason[:1].upper()}{reading.reason[1:]}.")
    if reading.status != "failed" and reading.source_path:
        viewer(
            desk,
            reading.source_path,
            member=reading.source_member,
            heatmap=reading.heatmap,
            alt=_description(reading, band),
            key="triage.viewer",
        )
    with st.expander("What this rests on", icon=":material/account_tree:"):
        st.table(reading.lineage, border="horizontal")


def _description(reading: ReadingDetail, band: str) -> str:
    if reading.probability is None:
        return f"Film {reading.file}, {band}"
    return f"Film {reading.file}, {band}, probability of pneumonia {reading.probability:.2f}"


def _plain(name: str) -> str:
    """File names are shown as they are, never as Markdown."""
    return "".join(f"\\{letter}" if letter in "\\`*_{}[]()<>#+-.!|:$~" else letter for letter in name)
