"""Dataset: know the images before training on them."""

import streamlit as st

from core.errors import PneumoDeskError
from core.language import mark, tr
from core.services.datasets.data_card import data_card
from core.services.datasets.dataset import Dataset, open_dataset
from core.services.datasets.import_jobs import ExaminationStatus, get_examination
from core.services.datasets.indexing import count_of_patients
from core.services.desk import Desk
from core.services.desk.csv_export import frame_to_csv
from core.ui.datasets.dataset_start import begin_anew, go_to_dataset, show_start
from core.ui.datasets.dataset_views import audit_view, counts_view, pictures_view, properties_view
from core.ui.datasets.examination_progress import examination_progress
from core.ui.datasets.split_form import split_view
from core.ui.opening import open_desk_or_stop


def show_dataset(desk: Desk, examination_id: str) -> None:
    """One dataset: how its examination stands, then everything known of it."""
    examination = get_examination(desk, examination_id)
    show_head(desk, examination)
    if examination.state != "completed" or examination.cohort_fingerprint is None:
        examination_progress(desk, examination)
        return
    dataset = open_dataset(desk, examination.root, examination.cohort_fingerprint)
    show_figures(dataset)
    parts = {
        mark("Audit issues"): lambda: audit_view(dataset),
        mark("Counts"): lambda: counts_view(dataset),
        mark("Images"): lambda: pictures_view(desk, dataset),
        mark("Sizes and greys"): lambda: properties_view(dataset),
        mark("Splits"): lambda: split_view(desk, dataset),
        mark("Download"): lambda: take_away(desk, dataset),
    }
    part = st.segmented_control(
        tr("Part"),
        list(parts),
        default=next(iter(parts)),
        format_func=tr,
        required=True,
        key="dataset.part",
        label_visibility="collapsed",
    )
    parts[part]()


def show_head(desk: Desk, examination: ExaminationStatus) -> None:
    """Its name and folder, the way back, and the way to examine it again."""
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        st.subheader(examination.root.name)
        with st.container(horizontal=True, width="content"):
            if st.button(tr("All datasets"), icon=":material/arrow_back:", key="dataset.back"):
                go_to_dataset(None)
            if st.button(
                tr("Import again"),
                icon=":material/refresh:",
                key="dataset.again",
                disabled=examination.is_live,
                help=tr("Reads only files that are new or changed."),
            ):
                begin_anew(desk, examination.id)
    if examination.is_synthetic:
        st.badge(tr("Synthetic: these images are drawn"), icon=":material/draw:", color="violet")
    st.caption(str(examination.root))


def show_figures(dataset: Dataset) -> None:
    """The dataset in five figures."""
    summary = dataset.summary
    with st.container(horizontal=True):
        st.metric(tr("Usable images"), f"{summary['num_usable']:,}", border=True)
        st.metric(tr("Patients"), count_of_patients(summary), border=True)
        st.metric(tr("Exact copies"), f"{summary['num_exact_duplicates']:,}", border=True)
        st.metric(tr("Left out"), f"{len(summary['problems']):,}", border=True, help=tr("Files with a problem."))
        st.metric(tr("Audit issues"), f"{len(dataset.audit.findings):,}", border=True)
    st.caption(tr("Fingerprint {fingerprint}", fingerprint=dataset.fingerprint[:16]))


def take_away(desk: Desk, dataset: Dataset) -> None:
    """The data card and the manifest as files."""
    manifest = dataset.manifest
    files = (
        (tr("Data card (HTML)"), lambda: data_card(desk, dataset), "data-card", "html", "text/html"),
        (tr("Manifest (CSV)"), lambda: frame_to_csv(manifest), "manifest", "csv", "text/csv"),
        (
            tr("Manifest (Parquet)"),
            lambda: manifest.to_parquet(index=False),
            "manifest",
            "parquet",
            "application/octet-stream",
        ),
    )
    with st.container(horizontal=True):
        for label, make, kind, ending, mime in files:
            st.download_button(
                label,
                make,
                file_name=f"{kind}-{dataset.root.name}.{ending}",
                mime=mime,
                icon=":material/description:" if ending == "html" else ":material/table:",
                on_click="ignore",
                key=f"dataset.{kind}.{ending}",
            )
    st.caption(tr("The data card is one file with all figures and eight images."))


desk = open_desk_or_stop()
st.title(tr("Dataset"))
asked = st.query_params.get("dataset")
try:
    if asked:
        show_dataset(desk, asked)
    else:
        show_start(desk)
except PneumoDeskError as error:
    st.error(str(error), icon=":material/error:")
    if asked and st.button(tr("All datasets"), icon=":material/arrow_back:", key="dataset.leave"):
        go_to_dataset(None)
