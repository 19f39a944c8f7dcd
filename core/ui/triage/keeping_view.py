"""Storage used, and the batches whose time is over."""

from collections.abc import Callable

import streamlit as st

from core.errors import PneumoDeskError
from core.services.desk import Desk
from core.services.desk.storage import free_bytes, storage_use
from core.services.triage.batches import BatchStatus
from core.services.worklist.retention import apply_retention, delete_batch, expired_batches
from core.ui.reader_name.component import current_reader
from core.ui.words import size


def keeping_view(desk: Desk) -> None:
    """Show what the desk keeps, and delete what is past the retention period."""
    uses = _uses(desk, desk.settings.resolved_database_url)
    with st.container(horizontal=True):
        st.metric("In use", size(sum(use.num_bytes for use in uses)), border=True, help=str(desk.settings.home))
        st.metric("Free on this disk", size(free_bytes(desk)), border=True)
    st.dataframe(
        [{"What": use.what.capitalize(), "Size": size(use.num_bytes), "Files": use.num_files} for use in uses],
        hide_index=True,
        alt="Storage used by kind of file",
        width=520,
    )
    expired = expired_batches(desk)
    if expired:
        st.caption(f":material/schedule: {len(expired):,} batches are past the retention period of the rules.")
        if st.button("Delete them with their films", icon=":material/delete:", key="keeping.apply"):
            _or_say(lambda: apply_retention(desk))
    days = desk.settings.keep_predictions_days
    kept = f"for {days:,} days" if days else "for good"
    st.caption(
        f"Retention is applied every hour. Answers to single films sent by REST are kept {kept} "
        "(`PNEUMODESK_KEEP_PREDICTIONS_DAYS`)."
    )
    st.caption(
        "A single batch is deleted from its own view, which Add films leads to. "
        "`python -m core backup FILE` keeps the whole desk in one file, `python -m core restore FILE` brings it back."
    )


def delete_popover(desk: Desk, batch: BatchStatus) -> bool:
    """Offer to delete a batch, and return whether it was."""
    with st.popover("Delete", icon=":material/delete:", disabled=batch.is_live):
        st.caption(
            "Deletes the readings, heatmaps, uploaded films, and verdicts on films that no other batch has. Films in "
            "folders of the server stay. This cannot be undone; the audit trail keeps that it was done."
        )
        asked = st.button("Delete this batch", type="primary", key=f"keeping.delete.{batch.id}", width="stretch")
        return asked and _or_say(lambda: delete_batch(desk, batch.id, current_reader()))


def _or_say(work: Callable[[], object]) -> bool:
    try:
        work()
    except PneumoDeskError as error:
        st.error(str(error), icon=":material/error:")
        return False
    return True


@st.cache_data(max_entries=2, ttl=60, show_spinner="Measuring …")
def _uses(_desk: Desk, home: str) -> list:
    return storage_use(_desk)
