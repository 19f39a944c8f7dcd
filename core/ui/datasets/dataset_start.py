"""Ways to give the Dataset page images, and the datasets that were examined before."""

from pathlib import Path

import streamlit as st

from core.errors import PneumoDeskError
from core.language import mark, tr
from core.services.datasets.import_jobs import (
    ExaminationRequest,
    Origin,
    list_examinations,
    start_anew,
    start_examination,
)
from core.services.desk import Desk
from core.ui.reader_name.component import current_reader
from core.ui.uploader.component import close_upload, uploader
from core.ui.words import moment, state_word

KEY_OF_UPLOAD = "dataset.uploader"
ORIGINS = {
    Origin.FOLDER: mark("folder"),
    Origin.UPLOAD: mark("sent from a browser"),
    Origin.KAGGLE: mark("Kaggle"),
    Origin.PHANTOMS: mark("drawn"),
}


def show_start(desk: Desk) -> None:
    """All ways in, then what is known."""
    folder, upload, kaggle, drawn = st.tabs(
        [
            tr(":material/dns: Server folder"),
            tr(":material/upload: This computer"),
            tr(":material/cloud_download: Kaggle"),
            tr(":material/draw: Synthetic images"),
        ]
    )
    with folder:
        _folder(desk)
    with upload:
        _upload(desk)
    with kaggle:
        _kaggle(desk)
    with drawn:
        _drawn(desk)
    st.subheader(tr("Imported datasets"))
    _known(desk)


def begin(desk: Desk, origin: Origin, path: Path | None = None) -> None:
    """Start an examination and go to its address, or say in place why there can be none: all else stays to be seen."""
    try:
        examination_id = start_examination(desk, ExaminationRequest(origin=origin, path=path, reader=current_reader()))
    except PneumoDeskError as error:
        st.error(str(error), icon=":material/error:")
        return
    go_to_dataset(examination_id)


def begin_anew(desk: Desk, examination_id: str) -> None:
    """Examine a dataset again and go to the new examination's address."""
    go_to_dataset(start_anew(desk, examination_id, current_reader()))


def go_to_dataset(examination_id: str | None) -> None:
    """Go to a dataset's own address, or back to all of them."""
    st.query_params.clear()
    if examination_id is not None:
        st.query_params["dataset"] = examination_id
    st.rerun()


def _folder(desk: Desk) -> None:
    roots = desk.settings.allowed_film_roots
    with st.form("dataset.folder", border=False):
        path = st.text_input(tr("Folder"), placeholder=str(roots[0]), key="dataset.path").strip()
        st.caption(
            tr(
                "Folders of split/class (train/NORMAL …), of class alone, or flat with a metadata.csv. Below {roots}.",
                roots=tr(" or ").join(map(str, roots)),
            )
        )
        if st.form_submit_button(tr("Import folder"), icon=":material/troubleshoot:", type="primary") and path:
            begin(desk, Origin.FOLDER, Path(path))


def _upload(desk: Desk) -> None:
    state = uploader(desk, key=KEY_OF_UPLOAD)
    st.caption(tr("A folder, files or a zip in the same layout."))
    if st.button(
        tr("Import files"),
        icon=":material/troubleshoot:",
        type="primary",
        disabled=not state.num_received,
        key="dataset.examine_upload",
    ):
        begin(desk, Origin.UPLOAD, close_upload(desk, state, key=KEY_OF_UPLOAD))


def _kaggle(desk: Desk) -> None:
    st.caption(tr("The standard dataset of Kermany et al. 2018: 5,856 images of children, CC BY 4.0. Needs internet."))
    if st.button(tr("Download and import"), icon=":material/cloud_download:", key="dataset.kaggle"):
        begin(desk, Origin.KAGGLE)


def _drawn(desk: Desk) -> None:
    st.caption(tr("120 synthetic images to try every page; always labelled so."))
    if st.button(tr("Create and import"), icon=":material/draw:", key="dataset.draw_films"):
        begin(desk, Origin.PHANTOMS)


def _known(desk: Desk) -> None:
    known = list_examinations(desk)
    if not known:
        st.caption(tr("No dataset yet."))
        return
    chosen = st.dataframe(
        [
            {
                tr("Dataset"): examination.root.name,
                tr("Folder"): str(examination.root),
                tr("From"): tr(ORIGINS[examination.origin]),
                tr("State"): state_word(examination.state).word,
                tr("Images"): tr("synthetic") if examination.is_synthetic else tr("radiographs"),
                tr("Imported"): moment(examination.created_at),
            }
            for examination in known
        ],
        key="dataset.known",
        on_select="rerun",
        selection_mode="single-row",
        hide_index=True,
    )
    if chosen.selection.rows and chosen.selection.rows[0] < len(known):
        go_to_dataset(known[chosen.selection.rows[0]].id)
