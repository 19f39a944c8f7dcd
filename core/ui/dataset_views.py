"""What the Dataset page shows of one dataset, part by part."""

import html

import pandas as pd
import streamlit as st

from core.cohort.audit.findings import Finding
from core.figures import dataset as figures
from core.services.datasets import Dataset
from core.services.desk import Desk
from core.services.films import Picture, picture_address
from core.ui.plain_text import plain

SEVERITY_LOOK = {
    "problem": ("red", ":material/error:"),
    "warning": ("orange", ":material/warning:"),
    "note": ("blue", ":material/info:"),
}
NUM_SAMPLES = 8
MOST_FILES_LISTED = 500
SIZES = {"any size": (0, 10**9), "under 300 pixels": (0, 300), "300 to 1,000": (300, 1000), "over 1,000": (1000, 10**9)}


def audit_view(dataset: Dataset) -> None:
    """Every finding with its files and what to do, beside what gives the classes away and how test films differ."""
    left, right = st.columns([3, 2], gap="medium")
    with left:
        _findings(dataset)
    with right:
        _shortcuts(dataset)
        _shifts(dataset)


def _findings(dataset: Dataset) -> None:
    findings = dataset.audit.findings
    if not findings:
        st.success("Nothing was found: no copies, leaks, shortcuts or odd files.", icon=":material/check:")
        return
    with st.container(horizontal=True):
        for severity, (colour, icon) in SEVERITY_LOOK.items():
            count = sum(finding.severity == severity for finding in findings)
            st.badge(f"{count} {severity}{'' if count == 1 else 's'}", color=colour, icon=icon)
    for finding in findings:
        colour, icon = SEVERITY_LOOK[finding.severity]
        count = f" · {finding.num_files:,} file{'' if finding.num_files == 1 else 's'}" if finding.num_files else ""
        with st.expander(f":{colour}[{icon} **{finding.title}**]{count}"):
            st.write(plain(finding.sentence))
            st.caption(f":material/build: {plain(finding.advice)}")
            if finding.groups:
                _files(finding)


def _files(finding: Finding) -> None:
    rows = [{"group": number, "file": file} for number, group in enumerate(finding.groups, start=1) for file in group]
    st.dataframe(rows[:MOST_FILES_LISTED], hide_index=True, height=min(38 + 35 * len(rows), 280))
    if len(rows) > MOST_FILES_LISTED:
        st.caption(f"The first {MOST_FILES_LISTED:,} of {len(rows):,} files.")


def _shortcuts(dataset: Dataset) -> None:
    st.markdown("**Could a model cheat?** How well one property of the file alone tells the classes apart.")
    shortcuts = dataset.audit.shortcuts
    if any(shortcut.auc is not None for shortcut in shortcuts):
        st.plotly_chart(
            figures.shortcut_figure([s.name for s in shortcuts], [s.auc for s in shortcuts]),
            key="dataset.shortcuts",
            alt="AUC of each file property alone",
        )
        st.caption("Cross-validated by patient; 0.5 says nothing, 1.0 gives the class away.")
    else:
        st.caption("There are too few labelled films of one class to tell.")


def _shifts(dataset: Dataset) -> None:
    st.markdown("**Are test films of another kind?** How well 24-pixel copies tell test from training films.")
    shifts = dataset.audit.shifts
    if not shifts:
        st.caption("This dataset has no train and test folders.")
        return
    st.dataframe(
        [
            {"class": s.label, "train": s.num_train, "test": s.num_test, "AUC": s.auc and round(s.auc, 3)}
            for s in shifts
        ],
        hide_index=True,
    )
    st.caption("0.5: alike. Above 0.8 a threshold chosen on training films will not transfer fully.")


def counts_view(dataset: Dataset) -> None:
    """Films by split and class with their ratio, subtypes, patients."""
    films = dataset.films.assign(split=dataset.films["split"].fillna("no split"), label=_labels(dataset.films))
    counts = films.groupby(["split", "label"]).size().rename("films").reset_index()
    left, right = st.columns(2, gap="medium")
    with left:
        st.plotly_chart(figures.count_figure(counts), key="dataset.counts", alt="Films by split and class")
    with right:
        table = counts.pivot_table(index="split", columns="label", values="films", fill_value=0).astype(int)
        table["total"] = table.sum(axis=1)
        if {"normal", "pneumonia"} <= set(table.columns):
            ratio = table["pneumonia"] / table["normal"].where(table["normal"] > 0)
            table["pneumonia : normal"] = ratio.map(lambda value: "–" if pd.isna(value) else f"{value:.2f} : 1")
        st.dataframe(table)
        by_subtype = films.groupby([films["subtype"].fillna("unknown")]).agg(
            films=("file", "size"), patients=("patient", "nunique")
        )
        st.dataframe(by_subtype.rename_axis("subtype"))
    per_patient = films.groupby(["label", "patient"]).size().rename("films").reset_index()
    st.plotly_chart(
        figures.histogram_figure(per_patient, "films", "films of one patient", num_bins=30),
        key="dataset.per_patient",
        alt="Films per patient by class",
    )


def pictures_view(desk: Desk, dataset: Dataset) -> None:
    """Eight films drawn at random, by filter, and the mean film of each class."""
    films = dataset.films.assign(split=dataset.films["split"].fillna("no split"), label=_labels(dataset.films))
    with st.container(horizontal=True, vertical_alignment="bottom"):
        label = st.selectbox("Class", ["all", *sorted(films["label"].unique())], key="dataset.sample_class")
        split = st.selectbox("Split", ["all", *sorted(films["split"].unique())], key="dataset.sample_split")
        subtypes = sorted(films["subtype"].dropna().unique())
        subtype = st.selectbox("Subtype", ["all", *subtypes], key="dataset.sample_subtype")
        size = st.selectbox("Shorter side", list(SIZES), key="dataset.sample_size")
        if st.button("Draw others", icon=":material/casino:", key="dataset.resample"):
            st.session_state["dataset.draw"] = st.session_state.get("dataset.draw", 0) + 1
    for column, wanted in (("label", label), ("split", split), ("subtype", subtype)):
        if wanted != "all":
            films = films[films[column] == wanted]
    shorter = films[["width", "height"]].min(axis=1)
    low, high = SIZES[size]
    films = films[(shorter >= low) & (shorter < high)]
    if films.empty:
        st.caption("No film matches. Choose otherwise.")
    else:
        drawn = films.sample(min(NUM_SAMPLES, len(films)), random_state=st.session_state.get("dataset.draw", 0))
        st.html(_grid(desk, dataset, drawn))
    if dataset.means:
        st.plotly_chart(
            figures.mean_figure(dataset.means), key="dataset.means", alt="Mean film of each class and their difference"
        )
        st.caption("Means of at most 200 films a class. What differs outside the lungs is no disease.")


def properties_view(dataset: Dataset) -> None:
    """Sizes, shape, brightness and contrast by class; colour modes and bit depths."""
    films = dataset.films.assign(aspect=dataset.films["width"] / dataset.films["height"].clip(lower=1))
    charts = (
        ("width", "width, pixels", None),
        ("height", "height, pixels", None),
        ("aspect", "width / height", 1.0),
        ("brightness", "mean grey, 0 to 1", None),
        ("contrast", "standard deviation of grey", None),
        ("border_darkness", "share of dark pixels along the edges", None),
    )
    for start in range(0, len(charts), 3):
        for place, (column, title, line) in zip(st.columns(3), charts[start : start + 3], strict=True):
            with place:
                st.plotly_chart(
                    figures.histogram_figure(films, column, title, line),
                    key=f"dataset.histogram.{column}",
                    alt=f"Distribution of {title} by class",
                )
    left, middle, right = st.columns([2, 1, 1])
    with left:
        st.plotly_chart(figures.size_figure(films), key="dataset.sizes", alt="Width against height")
    with middle:
        st.dataframe(films["mode"].value_counts().rename("films").rename_axis("colour mode"))
    with right:
        st.dataframe(films["bit_depth"].value_counts().rename("films").rename_axis("bits per pixel"))


def _labels(films: pd.DataFrame) -> pd.Series:
    return films["label"].fillna("no label")


def _grid(desk: Desk, dataset: Dataset, films: pd.DataFrame) -> str:
    cells = []
    for row in films.itertuples(index=False):
        address = picture_address(desk, Picture.THUMBNAIL, dataset.root / row.file)
        words = f"{row.label}, {row.split}, {row.width} × {row.height}"
        cells.append(
            f'<figure style="margin:0"><img src="{html.escape(address)}" alt="{html.escape(f"{row.file}: {words}")}" '
            'style="width:100%;aspect-ratio:1;object-fit:contain;background:#000;border-radius:8px" loading="lazy">'
            f'<figcaption style="font-size:0.8rem;overflow-wrap:anywhere">{html.escape(words)}<br>'
            f"{html.escape(row.file.rpartition('/')[2])}</figcaption></figure>"
        )
    columns = "display:grid;grid-template-columns:repeat(auto-fill,minmax(max(170px,22%),1fr));gap:12px"
    return f'<div style="{columns}">{"".join(cells)}</div>'
