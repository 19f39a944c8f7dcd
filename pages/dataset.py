"""Dataset: know the films before training on them."""

from pathlib import Path

import streamlit as st

from core.errors import PneumoDeskError
from core.services.data_card import data_card
from core.services.datasets import Dataset, open_dataset
from core.services.desk import Desk
from core.services.examinations import (
    ExaminationRequest,
    ExaminationStatus,
    Origin,
    get_examination,
    list_examinations,
    start_examination,
)
from core.ui.dataset_views import audit_view, counts_view, pictures_view, properties_view
from core.ui.examination_progress import examination_progress
from core.ui.opening import open_desk_or_stop
from core.ui.reader.component import current_reader
from core.ui.split_form import split_view
from core.ui.uploader.component import close_upload, uploader
from core.ui.words import STATE_WORDS, moment


def show_start(desk: Desk) -> None:
    """Ways to give films, and the datasets that were examined before."""
    folder, upload, kaggle, drawn = st.tabs(
        [
            ":material/dns: A folder of the server",
            ":material/upload: From this computer",
            ":material/cloud_download: Kaggle",
            ":material/draw: Drawn films",
        ]
    )
    with folder, st.form("dataset.folder", border=False):
        path = st.text_input("Folder", placeholder=str(desk.settings.allowed_film_roots[0]), key="dataset.path")
        st.caption(
            "Folders of split/class (train/NORMAL …), of class alone, or flat with a metadata.csv. "
            f"Below {' or '.join(str(root) for root in desk.settings.allowed_film_roots)}."
        )
        if st.form_submit_button("Examine the folder", icon=":material/troubleshoot:", type="primary") and path.strip():
            begin(desk, Origin.FOLDER, Path(path.strip()))
    with upload:
        state = uploader(desk, key="dataset.uploader")
        if st.button(
            "Examine what was sent",
            icon=":material/troubleshoot:",
            type="primary",
            disabled=not state.num_received,
            key="dataset.examine_upload",
        ):
            begin(desk, Origin.UPLOAD, close_upload(desk, state, key="dataset.uploader"))
    with kaggle:
        st.caption(
            "Downloads the standard cohort of Kermany et al. 2018 (5,856 films of children, CC BY 4.0) from Kaggle. "
            "This is the only thing here that needs internet."
        )
        if st.button("Download and examine", icon=":material/cloud_download:", key="dataset.kaggle"):
            begin(desk, Origin.KAGGLE)
    with drawn:
        st.caption("Draws 120 synthetic films, to try every page without radiographs. They are always labelled so.")
        if st.button("Draw and examine", icon=":material/draw:", key="dataset.draw_films"):
            begin(desk, Origin.PHANTOMS)
    st.subheader("Examined datasets")
    known = list_examinations(desk)
    if not known:
        st.caption("None yet. Give a folder above; it is kept and opens at once the next time.")
        return
    chosen = st.dataframe(
        [
            {
                "Dataset": examination.root.name,
                "Folder": str(examination.root),
                "State": STATE_WORDS[examination.state].replace("reading", "being examined"),
                "Films": "synthetic" if examination.is_synthetic else "radiographs",
                "Examined": moment(examination.created_at),
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


def show_dataset(desk: Desk, examination_id: str) -> None:
    """One dataset: how its examination stands, then everything known of it."""
    examination = get_examination(desk, examination_id)
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        st.subheader(examination.root.name)
        with st.container(horizontal=True, width="content"):
            if st.button("All datasets", icon=":material/arrow_back:", key="dataset.back"):
                go_to_dataset(None)
            if st.button(
                "Examine again",
                icon=":material/refresh:",
                key="dataset.again",
                disabled=examination.is_live,
                help="Reads only files that are new or changed.",
            ):
                begin(desk, Origin.PHANTOMS if examination.is_synthetic else Origin.FOLDER, examination.root)
    if examination.is_synthetic:
        st.badge("Synthetic: these films are drawn", icon=":material/draw:", color="violet")
    st.caption(str(examination.root))
    if examination.state != "completed" or examination.cohort_fingerprint is None:
        examination_progress(desk, examination)
        return
    dataset = open_dataset(desk, examination.root, examination.cohort_fingerprint)
    show_figures(dataset)
    parts = {
        "Findings": lambda: audit_view(dataset),
        "Counts": lambda: counts_view(dataset),
        "Films": lambda: pictures_view(desk, dataset),
        "Sizes and greys": lambda: properties_view(dataset),
        "Splits": lambda: split_view(desk, dataset),
        "Take away": lambda: take_away(dataset, examination),
    }
    part = st.segmented_control(
        "Part", list(parts), default="Findings", required=True, key="dataset.part", label_visibility="collapsed"
    )
    parts[part]()


def show_figures(dataset: Dataset) -> None:
    """The dataset in six figures."""
    summary = dataset.summary
    with st.container(horizontal=True):
        st.metric("Usable films", f"{summary['num_usable']:,}", border=True)
        st.metric("Patients", f"{summary['num_patients']:,}", border=True)
        st.metric("Exact copies", f"{summary['num_exact_duplicates']:,}", border=True)
        st.metric("Left out", f"{len(summary['problems']):,}", border=True, help="Files with a problem.")
        st.metric("Findings", f"{len(dataset.audit.findings):,}", border=True)
    st.caption(f"Fingerprint {dataset.fingerprint[:16]}")


def take_away(dataset: Dataset, examination: ExaminationStatus) -> None:
    """The data card and the manifest as files."""
    name = dataset.root.name
    with st.container(horizontal=True):
        st.download_button(
            "Data card (HTML)",
            lambda: data_card(dataset, is_synthetic=examination.is_synthetic),
            file_name=f"data-card-{name}.html",
            mime="text/html",
            icon=":material/description:",
            on_click="ignore",
        )
        st.download_button(
            "Manifest (CSV)",
            lambda: dataset.manifest.to_csv(index=False),
            file_name=f"manifest-{name}.csv",
            mime="text/csv",
            icon=":material/table:",
            on_click="ignore",
        )
        st.download_button(
            "Manifest (Parquet)",
            lambda: dataset.manifest.to_parquet(index=False),
            file_name=f"manifest-{name}.parquet",
            mime="application/octet-stream",
            icon=":material/table:",
            on_click="ignore",
        )
    st.caption("The data card is one file with all figures; it needs no network to be read.")


def begin(desk: Desk, origin: Origin, path: Path | None = None) -> None:
    """Start an examination and go to its address."""
    go_to_dataset(start_examination(desk, ExaminationRequest(origin=origin, path=path, reader=current_reader())))


def go_to_dataset(examination_id: str | None) -> None:
    """Go to a dataset's own address, or back to all of them."""
    st.query_params.clear()
    if examination_id is not None:
        st.query_params["dataset"] = examination_id
    st.rerun()


desk = open_desk_or_stop()
st.title("Dataset")
asked = st.query_params.get("dataset")
try:
    if asked:
        show_dataset(desk, asked)
    else:
        show_start(desk)
except PneumoDeskError as error:
    st.error(str(error), icon=":material/error:")
    if asked and st.button("All datasets", icon=":material/arrow_back:", key="dataset.leave"):
        go_to_dataset(None)
