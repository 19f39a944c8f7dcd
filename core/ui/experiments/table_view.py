"""Runs as a study's table: architectures with what they cost, or tuning with what was varied."""

import json
from collections.abc import Callable, Sequence
from typing import Any

import streamlit as st

from core.evaluation.proportions import say_fraction, say_interval
from core.figures.cost_figure import CostPoint, cost_figure
from core.language import mark, tr
from core.progress import Progress
from core.result_words import stage_in_words
from core.services.desk import Desk
from core.services.experiments.run_tables import RunTable, num_to_prepare, prepare_table, to_csv
from core.services.experiments.study_tables import architecture_table, tuning_table
from core.ui.config_form import words
from core.ui.experiments.words import figure
from core.ui.visits import is_first_look

KINDS = {mark("Architectures"): architecture_table, mark("Tuning"): tuning_table}
COSTS = {
    mark("Operations"): ("gigaflops", mark("GFLOPs for one image")),
    mark("Images per second"): ("films_per_second", mark("images per second on this machine")),
    mark("Size"): ("megabytes", mark("MB of weights")),
    mark("Training time"): ("training_seconds", mark("seconds of training")),
}
REACHED = {"AUC": "auc", mark("Accuracy"): "accuracy", mark("Recall"): "recall"}
FIRST = ("number", "architecture", "image_size", "learning_rate", "batch_size", "dropout")
FIGURES = ("auc", "accuracy", "recall", "f1")
WORDS = {
    "number": mark("No."),
    "architecture": mark("Network"),
    "first_weights": mark("First weights"),
    "image_size": mark("Pixels"),
    "num_runs": mark("Runs"),
    "runs": mark("Run ids"),
    "num_parameters": mark("Parameters"),
    "megabytes": "MB",
    "gigaflops": "GFLOPs",
    "films_per_second": mark("Images/s"),
    "training_seconds": mark("Training"),
    "auc": "AUC",
    "f1": "F1",
}


def table_view(desk: Desk, ids: Sequence[str], on_back: Callable[[], None]) -> None:
    """Show finished runs as a table."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.subheader(
            tr("{num_runs} runs as a table", num_runs=len(ids)) if len(ids) > 1 else tr("One run as a table"),
            width="content",
        )
        kind = st.segmented_control(
            tr("Table"),
            list(KINDS),
            default=mark("Architectures"),
            format_func=tr,
            key="experiments.table_kind",
            required=True,
        )
        st.space("stretch")
        if st.button(tr("All runs"), icon=":material/arrow_back:", key="experiments.table_back"):
            on_back()
    _prepare(desk, ids)
    table, lines = KINDS[kind](desk, ids, record=is_first_look("table", *ids))
    st.dataframe(
        [_row(line) for line in lines],
        hide_index=True,
        placeholder="–",
        key=f"experiments.run_table.{kind}",
        alt=tr("{kind} table", kind=tr(kind)),
        column_config={
            "GFLOPs": st.column_config.TextColumn(
                help=tr("Billions of operations for one image; a multiplication and an addition count as two.")
            ),
            tr("Images/s"): st.column_config.TextColumn(
                help=tr("The network alone on this machine, as triage runs it; measured once for each checkpoint.")
            ),
        },
    )
    _say(table)
    _exports(kind, table, lines)
    if kind == "Architectures":
        _figure(lines)


def _prepare(desk: Desk, ids: Sequence[str]) -> None:
    count = num_to_prepare(desk, ids)
    if not count:
        return
    runs = tr("one run") if count == 1 else tr("{count} runs", count=count)
    with st.container(horizontal=True, vertical_alignment="center", border=True):
        st.markdown(
            tr("Of {runs} the speed or the held-out patients are not measured yet.", runs=runs), width="stretch"
        )
        if not st.button(tr("Measure"), icon=":material/speed:", type="primary", key="experiments.table_measure"):
            return
    bar = st.progress(0.0, tr("Measuring; what is measured stays if you leave."))

    def show(now: Progress) -> None:
        words = tr(
            "{stage}: {done} of {num_all} runs", stage=stage_in_words(now.stage), done=now.num_done, num_all=now.num_all
        )
        bar.progress(now.num_done / now.num_all, words)

    prepare_table(desk, ids, show)
    st.rerun()


def _row(line: dict[str, Any]) -> dict[str, Any]:
    """Return a line as people read it: a figure with its range over the seeds in one cell."""
    names = [name for name in line if not name.endswith(("_low", "_high"))]
    leading = [name for name in (*FIRST, *FIGURES) if name in names]
    ordered = dict.fromkeys((*leading, *names))
    return {_heading(name): _cell(line, name, line[name]) for name in ordered}


def _heading(name: str) -> str:
    return tr(WORDS[name]) if name in WORDS else words(name)


def _cell(line: dict[str, Any], name: str, value: Any) -> str | None:
    if value is None:
        return None
    low, high = line.get(f"{name}_low"), line.get(f"{name}_high")
    if low is not None and high is not None:
        return (
            say_fraction(value)
            if low == high
            else tr("{value} ({interval})", value=say_fraction(value), interval=say_interval((low, high)))
        )
    match name:
        case "num_parameters":
            return tr("{millions:.1f} M", millions=value / 1000000.0)
        case "training_seconds":
            return tr("{minutes:.1f} min", minutes=value / 60)
        case "megabytes" | "films_per_second":
            return f"{value:.0f}"
        case "epochs":
            return f"{value:g}"
    return figure(value)


def _say(table: RunTable) -> None:
    films = tr("{num_films:,} images. ", num_films=table.num_films) if table.num_films else ""
    st.caption(
        tr(
            "{images}{notes} Brackets hold the smallest and largest of the runs.",
            images=films,
            notes=" ".join(table.notes),
        )
    )


def _exports(kind: str, table: RunTable, lines: Sequence[dict[str, Any]]) -> None:
    document = {"split": table.split, "num_films": table.num_films, "rows": lines, "notes": table.notes}
    with st.container(horizontal=True):
        for name, content, media in (
            ("CSV", to_csv(lines), "text/csv"),
            ("JSON", json.dumps(document, indent=1, default=str), "application/json"),
        ):
            st.download_button(
                name,
                content,
                f"{kind.lower()}.{name.lower()}",
                media,
                icon=":material/download:",
                on_click="ignore",
                key=f"experiments.table_{name.lower()}",
            )


def _figure(lines: Sequence[dict[str, Any]]) -> None:
    with st.container(horizontal=True):
        reached = st.segmented_control(
            tr("Reached"), list(REACHED), default="AUC", format_func=tr, key="experiments.reached", required=True
        )
        cost = st.segmented_control(
            tr("Cost"), list(COSTS), default=mark("Operations"), format_func=tr, key="experiments.cost", required=True
        )
    column, title = COSTS[cost][0], tr(COSTS[cost][1])
    name = REACHED[reached]
    points = [
        CostPoint(
            tr("{architecture}, {image_size} pixels", architecture=line["architecture"], image_size=line["image_size"]),
            line[column],
            line[name],
            line[f"{name}_low"],
            line[f"{name}_high"],
            line["megabytes"],
        )
        for line in lines
        if line[column] and line[name] is not None
    ]
    if not points:
        st.caption(tr("What the networks cost is not measured yet, so there is nothing to draw."))
        return
    st.plotly_chart(
        cost_figure(points, title, tr(reached)),
        key="experiments.cost_figure",
        alt=tr("{figure} against {cost}", figure=tr(reached), cost=title),
    )
    st.caption(tr("Bars: smallest to largest of the seeds. The cost axis is logarithmic."))
