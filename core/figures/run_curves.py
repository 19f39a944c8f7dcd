"""Figures of runs: training curves, several runs overlaid, their intervals side by side, sweeps."""

from collections.abc import Mapping, Sequence

import numpy as np
import plotly.graph_objects as go

from core.evaluation.catalogue import METRICS, Direction
from core.evaluation.curves import Curves
from core.evaluation.metrics import EvaluationReport
from core.figures.palette import COLOURS, DASHES, framed
from core.language import tr

SHOWN = tuple(metric for metric in METRICS if metric.direction is Direction.HIGHER)

FROM_LOW_TO_HIGH = [[0, "#7a6ff0"], [0.5, "#1f9e89"], [1, "#c27c00"]]
"""Distinguishable in all kinds of colour vision; no end is as dark as a dark page or as light as a light one."""
MOST_TICKS = 8


def training_figure(
    series: Mapping[str, Sequence[tuple[int, float | None]]], title: str, best_epoch: int | None = None
) -> go.Figure:
    """Return one metric over the epochs for each named series."""
    figure = go.Figure()
    for place, (name, points) in enumerate(series.items()):
        figure.add_scatter(
            x=[epoch for epoch, _ in points],
            y=[value for _, value in points],
            mode="lines+markers",
            line={"color": COLOURS[place % len(COLOURS)], "dash": DASHES[place % len(DASHES)]},
            name=name,
        )
    if best_epoch is not None:
        figure.add_vline(x=best_epoch, line_dash="dot", line_color="gray", annotation_text=tr("kept"))
    figure.update_xaxes(title=tr("epoch"), dtick=1 if _most_epochs(series) <= 12 else None)
    figure.update_yaxes(title=title)
    figure.update_layout(legend={"orientation": "h", "y": 1.15}, showlegend=len(series) > 1)
    return framed(figure)


def overlaid_roc_figure(curves: Mapping[str, Curves]) -> go.Figure:
    """Return the ROC curves of several runs; each has its own colour and dash."""
    figure = go.Figure()
    for place, (name, one) in enumerate(curves.items()):
        figure.add_scatter(
            x=one.roc.x_K,
            y=one.roc.y_K,
            mode="lines",
            line={"color": COLOURS[place % len(COLOURS)], "dash": DASHES[place % len(DASHES)], "width": 2.2},
            name=name,
            hovertemplate=f"{tr('1 − specificity')}: %{{x:.3f}}<br>{tr('sensitivity')}: %{{y:.3f}}",
        )
    figure.update_xaxes(title=tr("1 − specificity"), range=[-0.01, 1.01])
    figure.update_yaxes(title=tr("sensitivity"), range=[-0.01, 1.02])
    figure.update_layout(legend={"x": 0.98, "y": 0.02, "xanchor": "right", "yanchor": "bottom"})
    return framed(figure, height=380)


def intervals_figure(reports: Mapping[str, EvaluationReport]) -> go.Figure:
    """Return every figure of every run as a point with its 95 % interval."""
    figure = go.Figure()
    num_runs = len(reports)
    for place, (name, report) in enumerate(reports.items()):
        values = [getattr(report, metric.key) for metric in SHOWN]
        bounds = [getattr(report.ci, metric.key) for metric in SHOWN]
        known = [row for row, value in enumerate(values) if value is not None]
        offset = (place - (num_runs - 1) / 2) * 0.7 / max(num_runs, 1)
        figure.add_scatter(
            x=[values[row] for row in known],
            y=[row + offset for row in known],
            error_x={
                "type": "data",
                "symmetric": False,
                "array": [bounds[row][1] - values[row] if bounds[row] else 0 for row in known],
                "arrayminus": [values[row] - bounds[row][0] if bounds[row] else 0 for row in known],
            },
            mode="markers",
            marker={"color": COLOURS[place % len(COLOURS)], "symbol": place, "size": 9},
            name=name,
            customdata=[report.say(SHOWN[row].key) for row in known],
            hovertemplate="%{customdata}",
        )
    figure.update_yaxes(
        tickvals=list(range(len(SHOWN))),
        ticktext=[metric.name for metric in SHOWN],
        autorange="reversed",
        zeroline=False,
    )
    figure.update_layout(legend={"orientation": "h", "y": 1.12})
    return framed(figure, height=380)


def sweep_figure(rows: Sequence[Mapping[str, object]], fields: Sequence[str], target: str = "AUC") -> go.Figure:
    """Return parallel coordinates: one line a run through its config fields to its result, which colours it."""
    dimensions = [_dimension(name, [row.get(name) for row in rows]) for name in (*fields, target)]
    figure = go.Figure(
        go.Parcoords(
            line={
                "color": [row.get(target) if row.get(target) is not None else np.nan for row in rows],
                "colorscale": FROM_LOW_TO_HIGH,
                "showscale": True,
            },
            dimensions=dimensions,
            labelangle=-12,
        )
    )
    return figure.update_layout(height=380, margin={"l": 60, "r": 30, "t": 70, "b": 20})


def _dimension(name: str, values: Sequence[object]) -> dict[str, object]:
    label = name.replace("_", " ")
    measured = [value for value in values if isinstance(value, int | float) and not isinstance(value, bool)]
    if len(measured) == len(values):
        dimension: dict[str, object] = {"label": label, "values": measured}
        ticks = sorted(set(measured))
        # Between few values there is nothing: an axis of its own making would offer half a seed.
        if len(ticks) <= MOST_TICKS:
            dimension |= {"tickvals": ticks, "ticktext": [f"{tick:.4g}" for tick in ticks]}
        return dimension
    words = sorted({str(value) for value in values})
    places = [words.index(str(value)) for value in values]
    return {"label": label, "values": places, "tickvals": list(range(len(words))), "ticktext": words}


def _most_epochs(series: Mapping[str, Sequence[tuple[int, float | None]]]) -> int:
    return max((len(points) for points in series.values()), default=0)
