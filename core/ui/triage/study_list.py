"""The worklist on a page: counts by reading order, filters, a page of studies, and which one is being read."""

import time
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from core.language import tr
from core.result_words import (
    AI_RESULTS_SHORT,
    READING_ORDER,
    READING_ORDER_HELP,
    SCORE_HELP,
    order_in_words,
    score_in_words,
)
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
from core.ui.words import ORDER_ICONS, duration

ROWS_ON_A_PAGE = 100
CURRENT = "triage.current"
LEAST_LOG_ODDS, MOST_LOG_ODDS = -5.0, 9.0
"""Where the bar of a score is empty and full: at 0.007 and at 0.9999."""


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
    """Show the filters, with counts of unread studies by reading order, and return what is asked for."""
    unread = worklist.studies.loc[~worklist.studies["is_judged"], "band"].value_counts()
    bands = st.pills(
        tr("Unread studies"),
        BANDS,
        selection_mode="multi",
        format_func=lambda band: f"{ORDER_ICONS[band]} {READING_ORDER[band]}: {unread.get(band, 0):,}",
        key="triage.bands",
        help="  \n".join(f"{READING_ORDER[band]}: {READING_ORDER_HELP[band]}" for band in BANDS),
    )
    left, right = st.columns(2, gap="small")
    with left:
        show = _choice(tr("Show"), list(Show), "triage.show")
        assigned = _choice(
            tr("Assigned to"), ["", *_readers(desk)], "triage.assigned", tr("For {name}"), empty=tr("Any assignee")
        )
    with right:
        sort_by = _choice(tr("Order"), list(SortBy), "triage.sort", tr("By {name}"))
        search = st.text_input(
            tr("Search in file names"),
            key="triage.search",
            icon=":material/search:",
            placeholder=tr("Search in file names"),
            label_visibility="collapsed",
        )
    return StudyFilter(Show(show), tuple(bands), assigned, search, SortBy(sort_by))


def _choice(label: str, options: list[str], key: str, template: str = "", empty: str = "") -> str:
    def said(value: str) -> str:
        words = tr(value) if value in (*Show, *SortBy) else value
        return template.format(name=words) if template and value else words[:1].upper() + words[1:] or empty

    return st.selectbox(label, options, format_func=said, key=key, label_visibility="collapsed")


def study_table(desk: Desk, shown: ShownStudies, batch_id: str | None) -> None:
    """Show the page of studies that holds the one being read; choosing a row reads that study."""
    if shown.studies.empty:
        st.caption(tr("No study matches these filters."))
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
                "rank": rows["rank"],
                "film": [_thumbnail(desk, row) for row in rows.itertuples(index=False)],
                "ai_result": [AI_RESULTS_SHORT[result] for result in rows["ai_result"]],
                "order": [
                    order_in_words(str(band), bool(is_lifted))
                    for band, is_lifted in zip(rows["band"], rows["is_lifted"], strict=True)
                ],
                "score": [_score(row) for row in rows.itertuples(index=False)],
                "log_odds": _log_odds(rows["probability"]),
                "remark": [_remark(row) for row in rows.itertuples(index=False)],
                "file": rows["file"],
                "waited": [duration(hours * 3600) for hours in rows["waited_hours"]],
                "read_by": [f"{count}" if count else "" for count in rows["num_readers"]],
                "assigned_to": rows["assigned_to"],
            }
        ),
        key=key,
        on_select=lambda: _choose(key, rows),
        selection_mode="single-row",
        hide_index=True,
        row_height=56,
        height=min(600, 40 + 56 * len(rows)),
        column_config=_columns(),
    )
    _page_buttons(shown, first)


def _columns() -> dict[str, Any]:
    return {
        "rank": st.column_config.NumberColumn("#", width=32, help=tr("Place in the reading order of the whole list.")),
        "film": st.column_config.ImageColumn(tr("Image"), width=48),
        "ai_result": st.column_config.TextColumn(tr("AI result"), width=102),
        "order": st.column_config.TextColumn(tr("Reading order"), width=96, help=tr("By the site's rules.")),
        "score": st.column_config.TextColumn(tr("AI score"), width=70, help=tr(SCORE_HELP)),
        "log_odds": st.column_config.ProgressColumn(
            tr("Score bar"),
            width=78,
            format=" ",
            min_value=LEAST_LOG_ODDS,
            max_value=MOST_LOG_ODDS,
            help=tr("The AI score on a logarithmic scale, which tells scores near 0 and 1 apart. It is not severity."),
        ),
        "remark": st.column_config.TextColumn(tr("Remark"), width="medium"),
        "file": st.column_config.TextColumn(tr("File"), width="medium"),
        "waited": st.column_config.TextColumn(tr("Waiting"), width="small", help=tr("Since the image was received.")),
        "read_by": st.column_config.TextColumn(tr("Readers"), width="small", help=tr("How many have given a finding.")),
        "assigned_to": st.column_config.TextColumn(tr("Assigned"), width="small"),
    }


def _page_buttons(shown: ShownStudies, first: int) -> None:
    last = min(first + ROWS_ON_A_PAGE, len(shown.studies))
    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption(
            tr(
                "{first:,} to {last:,} of {num_studies:,} studies",
                first=first + 1,
                last=last,
                num_studies=len(shown.studies),
            )
        )
        for name, label, icon, target in (
            ("earlier", tr("Previous page"), ":material/chevron_left:", first - ROWS_ON_A_PAGE),
            ("later", tr("Next page"), ":material/chevron_right:", first + ROWS_ON_A_PAGE),
        ):
            if 0 <= target < len(shown.studies):
                study = str(shown.studies["study"].iloc[target])
                st.button(label, icon=icon, key=f"triage.{name}", type="tertiary", on_click=open_study, args=(study,))


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


def _score(row: Any) -> str:
    return "" if pd.isna(row.probability) else score_in_words(row.probability, *row.limits)


def _remark(row: Any) -> str:
    same = tr("same image as {same_image_as}", same_image_as=row.same_image_as) if row.same_image_as else ""
    said = "; ".join(part for part in (row.remark, same) if part)
    return said[:1].upper() + said[1:]


def _log_odds(probabilities: pd.Series) -> pd.Series:
    inside = probabilities.astype(float).clip(1e-9, 1 - 1e-9)
    return pd.Series(np.log(inside / (1 - inside)), inside.index).clip(LEAST_LOG_ODDS, MOST_LOG_ODDS)


def _thumbnail(desk: Desk, row: Any) -> str | None:
    if row.status == "failed" or not row.source_path:
        return None
    return picture_address(desk, Picture.THUMBNAIL, row.source_path, row.source_member)
