"""Triage: add X-rays, watch them being analysed, read the worklist."""

import streamlit as st

from core.errors import PneumoDeskError
from core.language import mark, tr
from core.services.desk import Desk
from core.services.models.lookup import ACTIVE, model_card
from core.services.triage.batch_reading import TriageRequest
from core.services.triage.batches import get_batch, list_batches, start_batch, start_server_folder
from core.services.triage.reading_reuse import count_taken_over
from core.services.triage.warm_reader import prepare_reader
from core.services.worklist.studies import has_readings
from core.ui.model_notice import model_notice
from core.ui.opening import open_desk_or_stop
from core.ui.reader_name.component import current_reader
from core.ui.triage.agreement_view import agreement_view
from core.ui.triage.audit_view import audit_view
from core.ui.triage.batch_progress import batch_progress
from core.ui.triage.batch_table import batch_table
from core.ui.triage.exporting import batch_export
from core.ui.triage.keeping_view import delete_popover, keeping_view
from core.ui.triage.model_choice import model_choice
from core.ui.triage.rules_form import rules_view
from core.ui.triage.study_list import CURRENT
from core.ui.triage.worklist_desk import worklist_desk
from core.ui.uploader.component import close_upload, uploader


def show_start(desk: Desk) -> None:
    """Images in, and the batches that were analysed before."""
    chosen_model = model_choice(desk)
    prepare_reader(desk)
    upload, server = st.tabs([tr(":material/upload: This computer"), tr(":material/dns: Server folder")])
    with upload:
        state = uploader(desk, key="triage.uploader")
        if st.button(
            tr("Analyse {num_received:,} files", num_received=state.num_received)
            if state.num_received
            else tr("Analyse"),
            type="primary",
            icon=":material/radiology:",
            disabled=not state.num_received,
            key="triage.read_upload",
        ):
            # Stored, and typed to delete the batch: it is its name in every language.
            title = mark("{num_received:,} uploaded files").format(num_received=state.num_received)
            folder = close_upload(desk, state, key="triage.uploader")
            open_batch(
                start_batch(
                    desk,
                    TriageRequest(
                        paths=(folder,),
                        title=title,
                        reader=current_reader(),
                        model=chosen_model.model,
                        operating_point=chosen_model.operating_point,
                    ),
                )
            )
    with server, st.form("triage.server", border=False):
        folder = st.text_input(tr("Folder, image or zip"), placeholder=str(desk.settings.allowed_film_roots[0]))
        st.caption(tr("Below {root}.", root=tr(" or ").join(str(root) for root in desk.settings.allowed_film_roots)))
        if st.form_submit_button(tr("Analyse"), icon=":material/radiology:") and folder:
            open_batch(
                start_server_folder(desk, folder, chosen_model.model, current_reader(), chosen_model.operating_point)
            )
    st.subheader(tr("Batches"))
    chosen = batch_table(desk, list_batches(desk), key="triage.batches")
    if chosen:
        open_batch(chosen)


def show_batch(desk: Desk, batch_id: str) -> None:
    """One batch: progress, list and reading pane."""
    batch = get_batch(desk, batch_id)
    model_notice(batch.card, batch.operating_point)
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        st.subheader(batch.title)
        with st.container(horizontal=True, width="content"):
            if st.button(tr("All batches"), icon=":material/arrow_back:", key="triage.back"):
                open_batch(None)
            batch_export(desk, batch_id, disabled=not batch.num_done)
            if delete_popover(desk, batch):
                open_batch(None)
    batch_progress(desk, batch)
    if not batch.is_live and (num_known := count_taken_over(desk, batch_id)):
        st.caption(
            tr(
                ":material/history: {num_known:,} of {num_done:,} results reused: these images had been analysed "
                "before by this model version at this operating point.",
                num_known=num_known,
                num_done=batch.num_done,
            )
        )
    if batch.num_done:
        worklist_desk(desk, batch_id)
    elif not batch.is_live:
        st.caption(tr("There were no files."))


def show_worklist(desk: Desk) -> None:
    """The studies of all batches."""
    model_notice(model_card(desk, ACTIVE))
    worklist_desk(desk)


VIEWS = {
    "worklist": (tr(":material/list: Worklist"), show_worklist),
    "films": (tr(":material/add_photo_alternate: Add images"), show_start),
    "agreement": (tr(":material/compare_arrows: Agreement"), agreement_view),
    "rules": (tr(":material/rule: Rules"), rules_view),
    "audit": (tr(":material/history: Audit log"), audit_view),
    "keeping": (tr(":material/database: Storage"), keeping_view),
}


def show_chosen_view(desk: Desk) -> None:
    """The part of the page that the address names; at first the worklist, or on a new desk the way in for images."""
    asked = st.query_params.get("view")
    if asked not in VIEWS:
        asked = "worklist" if has_readings(desk) else "films"
    view = st.segmented_control(
        tr("Part of this page"),
        list(VIEWS),
        default=asked,
        required=True,
        format_func=lambda name: VIEWS[name][0],
        key="triage.view",
        label_visibility="collapsed",
    )
    if view != asked:
        st.query_params["view"] = view
    VIEWS[view][1](desk)


def open_batch(batch_id: str | None) -> None:
    """Go to a batch's own address, or back to all of them."""
    st.query_params.clear()
    st.session_state.pop(CURRENT, None)
    if batch_id is None:
        st.query_params["view"] = "films"
    else:
        st.query_params["batch"] = batch_id
    st.rerun()


desk = open_desk_or_stop()
st.title(tr("Triage"))
try:
    batch_asked = st.query_params.get("batch")
    if batch_asked:
        show_batch(desk, batch_asked)
    else:
        show_chosen_view(desk)
except PneumoDeskError as error:
    st.error(str(error), icon=":material/error:")
    if st.query_params.get("batch") and st.button(tr("All batches"), icon=":material/arrow_back:"):
        open_batch(None)
