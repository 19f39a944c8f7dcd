"""Batches as a table, newest first, to choose one from."""

from collections.abc import Sequence

import streamlit as st

from core.language import tr
from core.result_words import AI_RESULTS_SHORT
from core.services.desk import Desk
from core.services.triage.batches import BatchStatus
from core.services.worklist.studies import count_results
from core.ui.words import moment, state_word


def batch_table(desk: Desk, batches: Sequence[BatchStatus], *, key: str) -> str | None:
    """Show batches and return the id of the chosen one."""
    if not batches:
        st.caption(tr("No batch has been analysed yet. Add X-rays above to start one."))
        return None
    counts = count_results(desk, [batch.id for batch in batches])
    chosen = st.dataframe(
        [
            {
                tr("Batch"): batch.title,
                tr("State"): state_word(batch.state).word,
                tr("Files"): batch.num_files,
                **{AI_RESULTS_SHORT[result]: count for result, count in counts[batch.id].items()},
                tr("Model"): batch.card.name,
                tr("Reader"): batch.reader or "",
                tr("Started"): moment(batch.created_at),
            }
            for batch in batches
        ],
        key=key,
        on_select="rerun",
        selection_mode="single-row",
        hide_index=True,
    )
    rows = chosen.selection.rows
    return batches[rows[0]].id if rows and rows[0] < len(batches) else None
