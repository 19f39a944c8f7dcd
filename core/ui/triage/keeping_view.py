"""Storage used, the batches whose time is over, and those that were deleted and can be restored."""

from collections.abc import Callable
from functools import partial

import streamlit as st

from core.errors import PneumoDeskError
from core.services.desk import Desk
from core.services.desk.storage import free_bytes, storage_use
from core.services.triage.batches import BatchStatus
from core.services.worklist.deletion import delete_batch, describe_deletion, list_deleted, purge_batch, restore_batch
from core.services.worklist.retention import apply_retention, expired_batches
from core.ui.plain_text import plain
from core.ui.reader_name.component import current_reader
from core.ui.words import moment, size


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
        if st.button("Delete them with their images", icon=":material/delete:", key="keeping.apply"):
            _or_say(lambda: apply_retention(desk))
    _deleted_batches(desk)
    days = desk.settings.keep_predictions_days
    kept = f"for {days:,} days" if days else "for good"
    st.caption(
        f"Retention is applied every hour. Answers to single images sent by REST are kept {kept} "
        "(`PNEUMODESK_KEEP_PREDICTIONS_DAYS`)."
    )
    st.caption("`python -m core backup FILE` saves the whole desk, `python -m core restore FILE` restores it.")


def delete_popover(desk: Desk, batch: BatchStatus) -> bool:
    """Offer to delete a batch that is named by its title, and return whether it was."""
    with st.popover("Delete", icon=":material/delete:", disabled=batch.is_live):
        if batch.is_live:
            return False
        with st.form(f"keeping.delete.{batch.id}", border=False):
            st.caption(
                f"Deletes {describe_deletion(desk, batch.id).words}. Images in folders of the server stay. "
                "It can be restored under Storage for a day."
            )
            name = st.text_input(
                f"Type the batch's name to delete it: {plain(batch.title)}", key=f"keeping.name.{batch.id}"
            )
            asked = st.form_submit_button("Delete this batch", type="primary", width="stretch")
        return asked and _or_say(lambda: delete_batch(desk, batch.id, name, current_reader()))


def _deleted_batches(desk: Desk) -> None:
    """Show what was deleted within a day, to be restored or deleted for good."""
    deleted = list_deleted(desk)
    if not deleted:
        return
    st.subheader("Deleted within a day")
    for batch in deleted:
        with st.container(horizontal=True, vertical_alignment="center", border=True):
            st.markdown(f"**{plain(batch.title)}**")
            st.caption(f"{batch.num_files:,} files, gone for good at {moment(batch.gone_at)}")
            for label, icon, act in (
                ("Restore", ":material/undo:", restore_batch),
                ("Delete for good", ":material/delete_forever:", purge_batch),
            ):
                key = f"keeping.{act.__name__}.{batch.id}"
                if st.button(label, icon=icon, key=key) and _or_say(partial(act, desk, batch.id, current_reader())):
                    st.rerun()


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
