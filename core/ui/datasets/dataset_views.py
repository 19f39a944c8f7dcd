"""What the Dataset page shows of one dataset, part by part."""

import html
from collections.abc import Callable
from functools import partial
from typing import TypeVar

import pandas as pd
import streamlit as st

from core.dataset.audit.findings import Finding
from core.figures import dataset as figures
from core.language import current_language, tr, tr_n
from core.services.datasets.dataset import Dataset
from core.services.datasets.tables import (
    ANY,
    SIZES,
    SampleFilter,
    bit_depth_table,
    colour_mode_table,
    count_of_severity,
    film_counts,
    films_per_patient,
    finding_rows,
    frame_in_words,
    named,
    ratio_table,
    rows_in_words,
    sample,
    sample_in_words,
    shift_rows,
    subtype_table,
)
from core.services.desk import Desk
from core.services.films.images import Picture, picture_address
from core.ui.plain_text import plain
from core.ui.words import Colour

Made = TypeVar("Made")
SEVERITY_LOOK: dict[str, tuple[Colour, str]] = {
    "problem": ("red", ":material/error:"),
    "warning": ("orange", ":material/warning:"),
    "note": ("blue", ":material/info:"),
}


def audit_view(dataset: Dataset) -> None:
    """Every finding with its files and what to do, beside what gives the classes away and how test images differ."""
    left, right = st.columns([3, 2], gap="medium")
    with left:
        _findings(dataset)
    with right:
        _shortcuts(dataset)
        _shifts(dataset)


def _findings(dataset: Dataset) -> None:
    findings = dataset.audit.findings
    if not findings:
        st.success(tr("Nothing was found: no copies, leaks, shortcuts or odd files."), icon=":material/check:")
        return
    with st.container(horizontal=True):
        for severity, (colour, icon) in SEVERITY_LOOK.items():
            count = sum(finding.severity == severity for finding in findings)
            st.badge(count_of_severity(severity, count), color=colour, icon=icon)
    for finding in findings:
        colour, icon = SEVERITY_LOOK[finding.severity]
        count = tr_n(" · {n:,} file", " · {n:,} files", finding.num_files) if finding.num_files else ""
        with st.expander(f":{colour}[{icon} **{finding.title}**]{count}"):
            st.write(plain(finding.sentence))
            st.caption(f":material/build: {plain(finding.advice)}")
            if finding.groups:
                _files(finding)


def _files(finding: Finding) -> None:
    rows = finding_rows(finding)
    st.dataframe(rows_in_words(rows), hide_index=True, height=min(38 + 35 * len(rows), 280))
    if len(rows) < finding.num_files:
        st.caption(
            tr("The first {num_rows:,} of {num_files:,} files.", num_rows=len(rows), num_files=finding.num_files)
        )


def _shortcuts(dataset: Dataset) -> None:
    st.markdown(tr("**Shortcuts:** classes predicted from one property of the file"))
    shortcuts = dataset.audit.shortcuts
    if any(shortcut.auc is not None for shortcut in shortcuts):
        st.plotly_chart(
            figures.shortcut_figure([s.name for s in shortcuts], [s.auc for s in shortcuts]),
            key="dataset.shortcuts",
            alt=tr("AUC of each file property alone"),
        )
        st.caption(tr("Cross-validated by patient; 0.5 says nothing, 1.0 gives the class away."))
    else:
        st.caption(tr("There are too few labelled images of one class to tell."))


def _shifts(dataset: Dataset) -> None:
    st.markdown(tr("**Train–test shift:** test distinguished from training images by 24-pixel copies"))
    rows = shift_rows(dataset.audit.shifts)
    if not rows:
        st.caption(tr("This dataset has no train and test folders."))
        return
    st.dataframe(rows_in_words(rows), hide_index=True)
    st.caption(tr("AUC 0.5: alike. Above 0.8 a threshold will not transfer fully."))


def counts_view(dataset: Dataset) -> None:
    """Images by split and class with their ratio, subtypes, patients."""
    films = _films(dataset)
    if films.empty:
        _no_films()
        return
    left, right = st.columns(2, gap="medium")
    with left:
        figure = _kept("counts", dataset.fingerprint, lambda: figures.count_figure(film_counts(films)))
        st.plotly_chart(figure, key="dataset.counts", alt=tr("Images by split and class"))
    with right:
        st.dataframe(_kept("ratios", dataset.fingerprint, lambda: frame_in_words(ratio_table(films))))
        st.dataframe(_kept("subtypes", dataset.fingerprint, lambda: frame_in_words(subtype_table(films))))
    st.plotly_chart(
        _kept("per_patient", dataset.fingerprint, lambda: figures.per_patient_figure(films_per_patient(films))),
        key="dataset.per_patient",
        alt=tr("Images per patient by class"),
    )


def pictures_view(desk: Desk, dataset: Dataset) -> None:
    """Eight images drawn at random, by filter, and the mean image of each class."""
    films = _films(dataset)
    if films.empty:
        _no_films()
        return
    wanted = _sample_filter(films)
    drawn = sample(films, wanted, st.session_state.get("dataset.draw", 0))
    if drawn.empty:
        st.caption(tr("No image matches these filters."))
    else:
        st.html(_grid(desk, dataset, drawn))
    if dataset.means:
        figure = _kept("means", dataset.fingerprint, lambda: figures.mean_figure(dataset.means))
        st.plotly_chart(figure, key="dataset.means", alt=tr("Mean image of each class and their difference"))
        st.caption(tr("Means of up to 200 images of a class. Differences outside the lungs are not disease."))


def _sample_filter(films: pd.DataFrame) -> SampleFilter:
    with st.container(horizontal=True, vertical_alignment="bottom"):
        label, split, subtype = (
            st.selectbox(words, [ANY, *sorted(films[column].unique())], format_func=tr, key=f"dataset.sample_{column}")
            for column, words in (("label", tr("Class")), ("split", tr("Split")), ("subtype", tr("Subtype")))
        )
        size = st.selectbox(tr("Shorter side"), list(SIZES), format_func=tr, key="dataset.sample_size")
        if st.button(tr("Draw others"), icon=":material/casino:", key="dataset.resample"):
            st.session_state["dataset.draw"] = st.session_state.get("dataset.draw", 0) + 1
    return SampleFilter(label, split, subtype, size)


def properties_view(dataset: Dataset) -> None:
    """Sizes, shape, brightness and contrast by class; colour modes and bit depths."""
    films = _films(dataset)
    if films.empty:
        _no_films()
        return
    for start in range(0, len(figures.PROPERTIES), 3):
        for place, (column, title, line) in zip(st.columns(3), figures.PROPERTIES[start : start + 3], strict=False):
            with place:
                make = partial(figures.histogram_figure, films, column, title, line)
                st.plotly_chart(
                    _kept(column, dataset.fingerprint, make),
                    key=f"dataset.histogram.{column}",
                    alt=tr("Distribution of {title} by class", title=tr(title)),
                )
    left, right = st.columns(2, gap="medium")
    with left:
        figure = _kept("sizes", dataset.fingerprint, lambda: figures.size_figure(films))
        st.plotly_chart(figure, key="dataset.sizes", alt=tr("Width against height"))
    with right:
        st.dataframe(_kept("modes", dataset.fingerprint, lambda: frame_in_words(colour_mode_table(films))))
        st.dataframe(_kept("depths", dataset.fingerprint, lambda: frame_in_words(bit_depth_table(films))))


def _films(dataset: Dataset) -> pd.DataFrame:
    return _kept("films", dataset.fingerprint, lambda: named(dataset.films))


def _kept(what: str, fingerprint: str, make: Callable[[], Made]) -> Made:
    return _kept_in(current_language(), what, fingerprint, make)


@st.cache_resource(max_entries=64, show_spinner=False)
def _kept_in(language: str, what: str, fingerprint: str, _make: Callable[[], Made]) -> Made:
    """Return a figure or table made once for a language and images of a fingerprint; nobody changes it afterwards."""
    return _make()


def _no_films() -> None:
    st.caption(tr("No usable image: see the audit issues."))


def _grid(desk: Desk, dataset: Dataset, films: pd.DataFrame) -> str:
    cells = []
    for row in films.itertuples(index=False):
        file = str(row.file)
        address = picture_address(desk, Picture.THUMBNAIL, dataset.root / file)
        words = sample_in_words(row)
        cells.append(
            f'<figure style="margin:0"><img src="{html.escape(address)}" alt="{html.escape(f"{file}: {words}")}" '
            'style="width:100%;aspect-ratio:1;object-fit:contain;background:#000;border-radius:8px" loading="lazy">'
            f'<figcaption style="font-size:0.8rem;overflow-wrap:anywhere">{html.escape(words)}<br>'
            f"{html.escape(file.rpartition('/')[2])}</figcaption></figure>"
        )
    columns = "display:grid;grid-template-columns:repeat(auto-fill,minmax(max(170px,22%),1fr));gap:12px"
    return f'<div style="{columns}">{"".join(cells)}</div>'
