"""Figures of one model on labelled images: confusion matrix, ROC, precision–recall, reliability, histograms."""

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go

from core.evaluation.curves import Curves, CurveWithBand
from core.evaluation.metrics import ConfusionCounts
from core.evaluation.proportions import say_share
from core.evaluation.reliability import ReliabilityBin
from core.figures.palette import BAND_OPACITY, COLOURS, framed, translucent
from core.language import mark, tr

NORMAL_COLOUR, PNEUMONIA_COLOUR = COLOURS[0], COLOURS[1]


def confusion_figure(confusion: ConfusionCounts) -> go.Figure:
    """Return the confusion matrix, truth by row, shaded by the share of the row."""
    counts = np.array([[confusion.tn, confusion.fp], [confusion.fn, confusion.tp]])
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    words = [[tr("correct"), tr("false alarm")], [tr("missed"), tr("correct")]]
    figure = go.Figure()
    for row in range(2):
        for column in range(2):
            share = float(shares[row, column])
            colour = COLOURS[2] if row == column else COLOURS[3]
            figure.add_shape(
                type="rect",
                x0=column - 0.48,
                x1=column + 0.48,
                y0=row - 0.46,
                y1=row + 0.46,
                line_width=0,
                fillcolor=translucent(colour, 0.08 + 0.37 * share),
                layer="below",
            )
            figure.add_annotation(
                x=column,
                y=row,
                text=f"<b>{counts[row, column]:,}</b><br>{say_share(share)}<br>{words[row][column]}",
                showarrow=False,
                font_size=14,
            )
    figure.update_xaxes(
        tickvals=[0, 1],
        ticktext=[tr("not flagged"), tr("flagged")],
        side="top",
        range=[-0.5, 1.5],
        showgrid=False,
        zeroline=False,
    )
    figure.update_yaxes(
        tickvals=[0, 1], ticktext=[tr("normal"), tr("pneumonia")], range=[1.5, -0.5], showgrid=False, zeroline=False
    )
    return framed(figure)


def roc_figure(curves: Curves, sensitivity: float | None, specificity: float | None) -> go.Figure:
    """Return the ROC curve with its band, and the place of the threshold in use."""
    figure = go.Figure()
    _add_band(figure, curves.roc, COLOURS[0])
    _add_curve(figure, curves.roc, COLOURS[0], tr("false positive rate"), tr("sensitivity"))
    figure.add_scatter(
        x=[0, 1], y=[0, 1], mode="lines", line={"dash": "dot", "color": "gray"}, name=tr("chance"), hoverinfo="skip"
    )
    if sensitivity is not None and specificity is not None:
        _add_point(figure, 1 - specificity, sensitivity)
    return _unit_axes(figure, tr("1 − specificity"), tr("sensitivity"))


def precision_recall_figure(curves: Curves, recall: float | None, precision: float | None) -> go.Figure:
    """Return the precision–recall curve with its band, and the place of the threshold in use."""
    figure = go.Figure()
    _add_band(figure, curves.precision_recall, COLOURS[0])
    _add_curve(figure, curves.precision_recall, COLOURS[0], tr("recall"), tr("precision"))
    share = curves.share_positive
    figure.add_scatter(
        x=[0, 1],
        y=[share, share],
        mode="lines",
        line={"dash": "dot", "color": "gray"},
        name=tr("chance"),
        hoverinfo="skip",
    )
    if recall is not None and precision is not None:
        _add_point(figure, recall, precision)
    return _unit_axes(figure, tr("recall (sensitivity)"), tr("precision"))


def reliability_figure(bins: Sequence[ReliabilityBin]) -> go.Figure:
    """Return the share of pneumonia against the stated probability, one point a filled bin, with Wilson intervals."""
    filled = [one for one in bins if one.num_films]
    # A bin with images has both.
    shares = [(one.share_positive or 0.0, one.share_interval or (0.0, 1.0)) for one in filled]
    figure = go.Figure()
    figure.add_scatter(
        x=[0, 1], y=[0, 1], mode="lines", line={"dash": "dot", "color": "gray"}, name=tr("perfect"), hoverinfo="skip"
    )
    figure.add_scatter(
        x=[one.mean_probability for one in filled],
        y=[one.share_positive for one in filled],
        error_y={
            "type": "data",
            "symmetric": False,
            "array": [high - share for share, (_, high) in shares],
            "arrayminus": [share - low for share, (low, _) in shares],
            "thickness": 1,
        },
        mode="markers",
        cliponaxis=False,
        marker={"color": COLOURS[0], "size": [6 + min(18, one.num_films**0.5) for one in filled]},
        customdata=[one.num_films for one in filled],
        hovertemplate=_hover(
            tr("predicted {x}", x="%{x:.3f}"),
            tr("observed {y}", y="%{y:.3f}"),
            tr("{count} images", count="%{customdata}"),
        ),
        name=tr("bins"),
    )
    return _unit_axes(figure, tr("predicted probability"), tr("fraction with pneumonia"))


def histogram_figure(labels_N: np.ndarray, probabilities_N: np.ndarray, threshold: float) -> go.Figure:
    """Return how the probabilities of normal and pneumonia images are spread, with the threshold."""
    figure = go.Figure()
    for value, name, colour, pattern in (
        (0, mark("normal"), NORMAL_COLOUR, ""),
        (1, mark("pneumonia"), PNEUMONIA_COLOUR, "/"),
    ):
        figure.add_histogram(
            x=probabilities_N[labels_N == value],
            xbins={"start": 0, "end": 1.0001, "size": 0.04},
            name=tr(name),
            marker={"color": colour, "pattern_shape": pattern},
            opacity=0.7,
        )
    figure.add_vline(
        x=threshold,
        line_dash="dash",
        line_color="gray",
        annotation_text=tr("threshold {threshold:.3f}", threshold=threshold),
    )
    figure.update_layout(barmode="overlay", legend={"orientation": "h", "y": 1.12})
    figure.update_xaxes(title=tr("probability of pneumonia"), range=[0, 1])
    figure.update_yaxes(title=tr("images"), type="log", dtick=1)
    return framed(figure)


def _add_band(figure: go.Figure, curve: CurveWithBand, colour: str) -> None:
    figure.add_scatter(
        x=np.r_[curve.grid_X, curve.grid_X[::-1]],
        y=np.r_[curve.high_X, curve.low_X[::-1]],
        fill="toself",
        fillcolor=translucent(colour, BAND_OPACITY),
        line_width=0,
        hoverinfo="skip",
        name=tr("95 % band"),
    )


def _add_curve(figure: go.Figure, curve: CurveWithBand, colour: str, x_name: str, y_name: str) -> None:
    figure.add_scatter(
        x=curve.x_K,
        y=curve.y_K,
        customdata=curve.threshold_K,
        mode="lines",
        line={"color": colour, "width": 2.5},
        name=tr("curve"),
        hovertemplate=_hover(
            tr("{axis}: {value}", axis=x_name, value="%{x:.3f}"),
            tr("{axis}: {value}", axis=y_name, value="%{y:.3f}"),
            tr("threshold {threshold}", threshold="%{customdata:.3f}"),
        ),
    )


def _add_point(figure: go.Figure, x: float, y: float) -> None:
    figure.add_scatter(
        x=[x],
        y=[y],
        mode="markers",
        marker={"symbol": "diamond", "size": 13, "color": COLOURS[3], "line": {"width": 1.5, "color": "white"}},
        name=tr("threshold"),
        hovertemplate=_hover(tr("threshold in use")),
    )


def _hover(*lines: str) -> str:
    return f"{'<br>'.join(lines)}<extra></extra>"


def _unit_axes(figure: go.Figure, x_title: str, y_title: str) -> go.Figure:
    figure.update_xaxes(title=x_title, range=[-0.01, 1.01])
    figure.update_yaxes(title=y_title, range=[-0.01, 1.02])
    figure.update_layout(showlegend=False)
    return framed(figure)
