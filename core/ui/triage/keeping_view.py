"""Storage used, the batches whose time is over, and those that were deleted and can be restored."""

from collections.abc import Callable
from functools import partial

import streamlit as st

from core.errors import PneumoDeskError
from core.language import tr
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
        st.metric(tr("In use"), size(sum(use.num_bytes for use in uses)), border=True, help=str(desk.settings.home))
        st.metric(tr("Free on this disk"), size(free_bytes(desk)), border=True)
    st.dataframe(
        [
            {tr("What"): tr(use.what).capitalize(), tr("Size"): size(use.num_bytes), tr("Files"): use.num_files}
            for use in uses
        ],
        hide_index=True,
        alt=tr("Storage used by kind of file"),
        width=520,
    )
    expired = expired_batches(desk)
    if expired:
        st.caption(
            tr(
                ":material/schedule: {num_expired:,} batches are past the retention period of the rules.",
                num_expired=len(expired),
            )
        )
        if st.button(tr("Delete them with their images"), icon=":material/delete:", key="keeping.apply"):
            _or_say(lambda: apply_retention(desk))
    _deleted_batches(desk)
    days = desk.settings.keep_predictions_days
    kept = tr("for {days:,} days", days=days) if days else tr("for good")
    st.caption(
        tr(
            "Retention is applied every hour. Answers to single images sent by REST are kept {period} "
            "(`PNEUMODESK_KEEP_PREDICTIONS_DAYS`).",
            period=kept,
        )
    )
    st.caption(tr("`python -m core backup FILE` saves the whole desk, `python -m core restore FILE` restores it."))


def delete_popover(desk: Desk, batch: BatchStatus) -> bool:
    """Offer to delete a batch that is named by its title, and return whether it was."""
    with st.popover(tr("Delete"), icon=":material/delete:", disabled=batch.is_live):
        if batch.is_live:
            return False
        with st.form(f"keeping.delete.{batch.id}", border=False):
            st.caption(
                tr(
                    "Deletes {contents}. Images in folders of the server stay. It can be restored under Storage for a "
                    "day.",
                    contents=describe_deletion(desk, batch.id).words,
                )
            )
            name = st.text_input(
                tr("Type the batch's name to delete it: {title}", title=plain(batch.title)),
                key=f"keeping.name.{batch.id}",
            )
            asked = st.form_submit_button(tr("Delete this batch"), type="primary", width="stretch")
        return asked and _or_say(lambda: delete_batch(desk, batch.id, name, current_reader()))


def _deleted_batches(desk: Desk) -> None:
    """Show what was deleted within a day, to be restored or deleted for good."""
    deleted = list_deleted(desk)
    if not deleted:
        return
    st.subheader(tr("Deleted within a day"))
    for batch in deleted:
        with st.container(horizontal=True, vertical_alignment="center", border=True):
            st.markdown(f"**{plain(batch.title)}**")
            st.caption(
                tr(
                    "{num_files:,} files, gone for good at {when}",
                    num_files=batch.num_files,
                    when=moment(batch.gone_at),
                )
            )
            for label, icon, act in (
                (tr("Restore"), ":material/undo:", restore_batch),
                (tr("Delete for good"), ":material/delete_forever:", purge_batch),
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


@st.cache_data(max_entries=2, ttl=60, show_spinner=tr("Measuring …"))
def _uses(_desk: Desk, home: str) -> list:
    return storage_use(_desk)
