"""The worklist on a page: counts by band, filters, a page of studies, and which one is being read."""

import time
from dataclasses import dataclass
from typing import Any

import pandas as pd
import streamlit as st

from core.services.desk import Desk
from core.services.films.images import Picture, picture_address
from core.services.worklist.studies import (
    BANDS,
    Show,
    SortBy,
    StudyFilter,
    Worklist,
    arrange_studies,
    load_studies,
    readings_version,
    select_studies,
    worklist_version,
)
from core.services.worklist.verdicts import list_readers
from core.triage.priority import in_words
from core.ui.words import BAND_HELP, BAND_ICONS, duration

ROWS_ON_A_PAGE = 100
CURRENT = "triage.current"
COLUMNS = {
    "film": st.column_config.ImageColumn("Image", width="small"),
    "band": st.column_config.TextColumn("Band", width="small"),
    "probability": st.column_config.TextColumn(
        "Prob.", width="small", help="Calibrated probability of pneumonia, 0 to 1; empty if not read."
    ),
    "file": st.column_config.TextColumn("File", width="medium"),
    "waited": st.column_config.TextColumn("Waiting", width="small", help="Since the image first came."),
    "read_by": st.column_config.TextColumn("Read by", width="small", help="How many readers gave a verdict."),
    "assigned_to": st.column_config.TextColumn("For", width="small", help="The reader it is assigned to."),
    "reason": st.column_config.TextColumn("Why", width="large"),
}


@dataclass(frozen=True)
class ShownStudies:
    """The studies a reader's filter lets through, and the place of the one being read, None if it is not among them."""

    studies: pd.DataFrame
    current: str | None
    place: int | None

    def neighbour(self, step: int) -> str | None:
        """Return the study so many places further on, None beyond either end."""
        if self.place is None:
            return None
        place = self.place + step
        return str(self.studies["study"].iloc[place]) if 0 <= place < len(self.studies) else None


def current_worklist(desk: Desk, batch_id: str | None) -> Worklist:
    """Return the worklist as it is now, made again only when something changed or a minute has passed."""
    home = desk.settings.resolved_database_url
    return _worklist(desk, home, batch_id, worklist_version(desk), int(time.time() // 60))


def shown_studies(worklist: Worklist, asked: StudyFilter, reader: str | None) -> ShownStudies:
    """Return what is shown, with the study being read: the one asked for, else the first."""
    studies = select_studies(worklist, asked, reader)
    current = st.session_state.get(CURRENT)
    found = studies.index[studies["study"] == current]
    if len(found):
        return ShownStudies(studies, current, int(found[0]))
    if current is not None and (worklist.studies["study"] == current).any():
        return ShownStudies(studies, current, None)
    first = str(studies["study"].iloc[0]) if len(studies) else None
    return ShownStudies(studies, first, 0 if len(studies) else None)


def open_study(study: str | None) -> None:
    """Read this study next; its address is kept, so that a refresh finds it again."""
    st.session_state[CURRENT] = study
    if study is None:
        st.query_params.pop("study", None)
    else:
        st.query_params["study"] = study


def study_filters(desk: Desk, worklist: Worklist) -> StudyFilter:
    """Show the filters, with counts of unread studies by band, and return what is asked for."""
    unread = worklist.studies.loc[~worklist.studies["is_judged"], "band"].value_counts()
    bands = st.pills(
        "Bands, with how many nobody has read",
        BANDS,
        selection_mode="multi",
        format_func=lambda band: f"{BAND_ICONS[band]} {band}: {unread.get(band, 0):,} unread",
        key="triage.bands",
        help=" ".join(f"{band.capitalize()}: {said}" for band, said in BAND_HELP.items() if band in BANDS),
    )
    left, right = st.columns(2, gap="small")
    with left:
        show = _choice("Show", list(Show), "triage.show")
        assigned = _choice("Assigned to", ["", *_readers(desk)], "triage.assigned", "For ", empty="Any assignee")
    with right:
        sort_by = _choice("Order", list(SortBy), "triage.sort", "By ")
        search = st.text_input(
            "Search in file names",
            key="triage.search",
            icon=":material/search:",
            placeholder="Search in file names",
            label_visibility="collapsed",
        )
    return StudyFilter(Show(show), tuple(bands), assigned, search, SortBy(sort_by))


def _choice(label: str, options: list[str], key: str, prefix: str = "", empty: str = "") -> str:
    def said(value: str) -> str:
        return f"{prefix}{value}" if prefix and value else value.capitalize() or empty

    return st.selectbox(label, options, format_func=said, key=key, label_visibility="collapsed")


def study_table(desk: Desk, shown: ShownStudies, batch_id: str | None) -> None:
    """Show the page of studies that holds the one being read; choosing a row reads that study."""
    if shown.studies.empty:
        st.caption("No study matches. Choose other bands, another view, or search for something else.")
        return
    page = (shown.place or 0) // ROWS_ON_A_PAGE
    first = page * ROWS_ON_A_PAGE
    rows = shown.studies.iloc[first : first + ROWS_ON_A_PAGE].reset_index(drop=True)
    key = f"triage.table.{batch_id}.{page}"
    place = None if shown.place is None else shown.place - first
    st.session_state[key] = {"selection": {"rows": [] if place is None else [place], "columns": [], "cells": []}}
    st.dataframe(
        pd.DataFrame(
            {
                "film": [_thumbnail(desk, row) for row in rows.itertuples(index=False)],
                "band": [
                    f"{row.band}, escalated" if row.is_lifted else row.band for row in rows.itertuples(index=False)
                ],
                "probability": ["" if pd.isna(value) else in_words(value) for value in rows["probability"]],
                "file": rows["file"],
                "waited": [duration(hours * 3600) for hours in rows["waited_hours"]],
                "read_by": [f"{count}" if count else "" for count in rows["num_readers"]],
                "assigned_to": rows["assigned_to"],
                "reason": [_why(row) for row in rows.itertuples(index=False)],
            }
        ),
        key=key,
        on_select=lambda: _choose(key, rows),
        selection_mode="single-row",
        hide_index=True,
        row_height=56,
        height=min(600, 40 + 56 * len(rows)),
        column_config=COLUMNS,
    )
    _page_buttons(shown, first)


def _page_buttons(shown: ShownStudies, first: int) -> None:
    last = min(first + ROWS_ON_A_PAGE, len(shown.studies))
    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption(f"{first + 1:,} to {last:,} of {len(shown.studies):,} studies")
        for label, icon, target in (
            ("Earlier", ":material/chevron_left:", first - ROWS_ON_A_PAGE),
            ("Later", ":material/chevron_right:", first + ROWS_ON_A_PAGE),
        ):
            if 0 <= target < len(shown.studies):
                study = str(shown.studies["study"].iloc[target])
                st.button(label, icon=icon, key=f"triage.{label}", type="tertiary", on_click=open_study, args=(study,))


def _choose(key: str, rows: pd.DataFrame) -> None:
    chosen = st.session_state[key]["selection"]["rows"]
    if chosen and chosen[0] < len(rows):
        open_study(str(rows["study"].iloc[chosen[0]]))


@st.cache_resource(max_entries=4, ttl=600, show_spinner=False)
def _worklist(_desk: Desk, home: str, batch_id: str | None, version: tuple[int, ...], minute: int) -> Worklist:
    return arrange_studies(_desk, _studies(_desk, home, batch_id, readings_version(_desk)))


@st.cache_resource(max_entries=4, ttl=600, show_spinner=False)
def _studies(_desk: Desk, home: str, batch_id: str | None, version: tuple[int, ...]) -> pd.DataFrame:
    """Shared by all readers; nobody changes it."""
    return load_studies(_desk, batch_id)


@st.cache_data(max_entries=4, ttl=5, show_spinner=False)
def _readers(_desk: Desk) -> list[str]:
    return list_readers(_desk)


def _why(row: Any) -> str:
    return f"{row.reason}; same image as {row.same_image_as}" if row.same_image_as else row.reason


def _thumbnail(desk: Desk, row: Any) -> str | None:
    if row.status == "failed" or not row.source_path:
        return None
    return picture_address(desk, Picture.THUMBNAIL, row.source_path, row.source_member)
