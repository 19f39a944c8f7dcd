"""The ranked list of a batch: filter by band, search, choose one reading."""

import pandas as pd
import streamlit as st

from core.services.batches import BatchStatus
from core.services.desk import Desk
from core.services.films import Picture, picture_address
from core.services.worklist import reading_rows
from core.ui.words import BANDS

MOST_ROWS = 2000
FIELDS = ("id", "file", "status", "reason", "probability", "priority", "source_path", "source_member")
COLUMNS = {
    "film": st.column_config.ImageColumn("Film", width="small"),
    "band": st.column_config.TextColumn("Band", width="small"),
    "probability": st.column_config.NumberColumn(
        "Prob.", format="%.3f", width="small", help="Calibrated probability of pneumonia, 0 to 1; empty if not read."
    ),
    "file": st.column_config.TextColumn("File", width="medium"),
    "reason": st.column_config.TextColumn("Why", width="large"),
}


def worklist_table(desk: Desk, batch: BatchStatus) -> int | None:
    """Show the list, most urgent first, and return the id of the chosen reading."""
    table = _rows(desk, batch.id, batch.num_done)
    if table.empty:
        st.caption("Nothing has been read yet." if batch.is_live else "There were no files.")
        return None
    with st.container(horizontal=True, vertical_alignment="bottom"):
        bands = st.pills(
            "Bands",
            BANDS,
            selection_mode="multi",
            format_func=lambda band: f"{band} {batch.counts[band]:,}",
            key="triage.bands",
            help="Choose one or more bands to see only these.",
        )
        sought = st.text_input("Search in file names", key="triage.search", icon=":material/search:")
    shown = table[table["band"].isin(bands)] if bands else table
    if sought:
        shown = shown[shown["file"].str.contains(sought, case=False, regex=False)]
    if len(shown) > MOST_ROWS:
        st.caption(f"The {MOST_ROWS:,} most urgent of {len(shown):,} are shown; the CSV has them all.")
    shown = shown.head(MOST_ROWS).reset_index(drop=True)
    if shown.empty:
        st.caption("No file matches. Choose other bands or search for something else.")
        return None
    chosen = st.dataframe(
        shown.assign(film=[_thumbnail(desk, row) for row in shown.itertuples(index=False)])[
            ["film", "band", "probability", "file", "reason"]
        ],
        key=f"triage.table.{batch.id}",
        on_select="rerun",
        selection_mode="single-row",
        hide_index=True,
        row_height=64,
        height=560,
        column_config=COLUMNS,
    )
    rows = chosen.selection.rows
    place = rows[0] if rows and rows[0] < len(shown) else 0
    return int(shown.loc[place, "id"])


@st.cache_data(max_entries=8, show_spinner=False)
def _rows(_desk: Desk, batch_id: str, num_done: int) -> pd.DataFrame:
    """Keyed by how much has been read, since readings never change."""
    table = pd.DataFrame(reading_rows(_desk, batch_id, *FIELDS))
    if table.empty:
        return table
    return table.assign(band=table["priority"].where(table["status"] == "read", table["status"]))


def _thumbnail(desk: Desk, row: object) -> str | None:
    if row.status == "failed" or not row.source_path:
        return None
    return picture_address(desk, Picture.THUMBNAIL, row.source_path, row.source_member)
