"""One reading: the image with the AI heatmap, what was found and why, and what it all rests on."""

import pandas as pd
import streamlit as st

from core.services.desk import Desk
from core.services.films.images import Picture, picture_address
from core.services.worklist.reading_detail import ReadingDetail, get_reading, meaning_here
from core.triage.priority import in_words
from core.triage.rules import WorklistRules
from core.ui.plain_text import plain
from core.ui.triage.exporting import study_export
from core.ui.viewer.component import viewer
from core.ui.words import BAND_COLOURS, BAND_HELP, BAND_ICONS


def reading_pane(desk: Desk, study: pd.Series, rules: WorklistRules, following: pd.Series | None = None) -> None:
    """Show a study's newest reading; the image of the `following` study is fetched ahead."""
    reading = get_reading(desk, int(study["reading_id"]))
    band = study["band"]
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(f"**{plain(reading.file)}**")
        st.badge(band, icon=BAND_ICONS[band], color=BAND_COLOURS[band])
        if reading.status != "read":
            status = reading.status
            st.badge(status, icon=BAND_ICONS[status], color=BAND_COLOURS[status], help=BAND_HELP[status])
        if study["is_lifted"]:
            st.badge(
                "lifted",
                icon=":material/schedule:",
                color="orange",
                help=f"Has waited over {rules.waiting_cap_hours:g} h without a verdict.",
            )
    st.caption(f"{plain(reading.reason[:1].upper() + reading.reason[1:])}.")
    if reading.same_image_as:
        st.caption(f":material/content_copy: Same image as {plain(reading.same_image_as)}.")
    if reading.edge_warning:
        st.caption(f":material/warning: {reading.edge_warning}")
    if reading.status != "failed" and reading.source_path:
        viewer(
            desk,
            reading.source_path,
            member=reading.source_member,
            heatmap=reading.heatmap_file,
            alt=_description(reading, band),
            height=480,
            following=_film_of(desk, following),
            key="triage.viewer",
        )
    else:
        st.caption(":material/image_not_supported: There is no picture of this file to show.")
    _meaning(reading, rules)
    study_export(desk, reading.id)
    with st.expander("Provenance", icon=":material/account_tree:"):
        st.table(reading.lineage, border="horizontal")


def _meaning(reading: ReadingDetail, rules: WorklistRules) -> None:
    if reading.probability is None:
        return
    said = meaning_here(reading, rules.prevalence)
    st.caption(f":material/percent: {said}")


def _film_of(desk: Desk, study: pd.Series | None) -> str | None:
    if study is None or study["status"] == "failed" or not study["source_path"]:
        return None
    return picture_address(desk, Picture.FILM, study["source_path"], study["source_member"])


def _description(reading: ReadingDetail, band: str) -> str:
    if reading.probability is None:
        return f"Image {reading.file}, {band}"
    return f"Image {reading.file}, {band}, probability of pneumonia {in_words(reading.probability)}"
