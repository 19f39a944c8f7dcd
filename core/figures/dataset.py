"""Figures of a dataset: counts, sizes, brightness, shortcuts, mean images.

Shapes: S side of a mean image.
"""

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from core.evaluation.proportions import say_fraction
from core.figures.palette import COLOURS, framed
from core.language import mark, tr

COLOUR_OF = {"normal": COLOURS[0], "pneumonia": COLOURS[1]}
PATTERN_OF = {"normal": "", "pneumonia": "/"}
TELLING_AUC = 0.8
MOST_POINTS = 4000
PROPERTIES = (
    ("width", mark("width, pixels"), None),
    ("height", mark("height, pixels"), None),
    ("aspect", mark("width / height"), 1.0),
    ("brightness", mark("mean grey, 0 to 1"), None),
    ("contrast", mark("standard deviation of grey"), None),
    ("border_darkness", mark("share of dark pixels along the edges"), None),
)
"""Column, title and marked value of every distribution of a dataset."""
CLASSES = (mark("normal"), mark("pneumonia"))
"""What most datasets' classes are called; any other is shown by its own name."""


def count_figure(counts: pd.DataFrame) -> go.Figure:
    """Return images per split and class as grouped bars; columns `split`, `label`, `films`."""
    figure = go.Figure()
    for label, rows in counts.groupby("label", sort=True):
        figure.add_bar(
            x=[tr(split) for split in rows["split"]],
            y=rows["films"],
            name=tr(str(label)),
            text=[f"{count:,}" for count in rows["films"]],
            textposition="outside",
            cliponaxis=False,
            marker={"color": COLOUR_OF.get(str(label), COLOURS[7]), "pattern_shape": PATTERN_OF.get(str(label), ".")},
        )
    figure.update_yaxes(title=tr("images"))
    return framed(figure.update_layout(barmode="group", legend={"orientation": "h", "y": 1.1}))


def histogram_figure(
    films: pd.DataFrame, column: str, title: str, line: float | None = None, num_bins: int = 40
) -> go.Figure:
    """Return one property's distribution by class, as shares of the class; `line` marks a value."""
    values = films[column].dropna()
    figure = go.Figure()
    if len(values):
        edges = np.histogram_bin_edges(values, bins=num_bins)
        for label, rows in films.dropna(subset=["label"]).groupby("label", sort=True):
            counts, _ = np.histogram(rows[column].dropna(), bins=edges)
            figure.add_scatter(
                x=(edges[:-1] + edges[1:]) / 2,
                y=counts / max(counts.sum(), 1),
                mode="lines",
                line={"shape": "hvh", "color": COLOUR_OF.get(str(label), COLOURS[7]), "width": 2},
                fill="tozeroy",
                opacity=0.7,
                name=tr(str(label)),
            )
    if line is not None:
        figure.add_vline(x=line, line_dash="dash", line_color=COLOURS[7], annotation_text=f"{line:g}")
    figure.update_xaxes(title=tr(title))
    figure.update_yaxes(title=tr("share of the class"), tickformat=".0%")
    return framed(figure.update_layout(legend={"orientation": "h", "y": 1.12}), 280)


def per_patient_figure(films_per_patient: pd.DataFrame) -> go.Figure:
    """Return how many images patients have, by class; columns `label`, `films`."""
    return histogram_figure(films_per_patient, "films", mark("images of one patient"), num_bins=30)


def size_figure(films: pd.DataFrame) -> go.Figure:
    """Return width against height, at most 4,000 images drawn."""
    drawn = films.sample(min(len(films), MOST_POINTS), random_state=0)
    figure = go.Figure()
    for label, rows in drawn.dropna(subset=["label"]).groupby("label", sort=True):
        figure.add_scattergl(
            x=rows["width"],
            y=rows["height"],
            mode="markers",
            name=tr(str(label)),
            opacity=0.5,
            marker={
                "color": COLOUR_OF.get(str(label), COLOURS[7]),
                "size": 6,
                "symbol": "circle" if label == "normal" else "x",
            },
        )
    figure.update_xaxes(title=tr("width, pixels"))
    figure.update_yaxes(title=tr("height, pixels"))
    return framed(figure.update_layout(legend={"orientation": "h", "y": 1.12}), 280)


def shortcut_figure(names: list[str], aucs: list[float | None]) -> go.Figure:
    """Return how well each file property alone tells the classes apart, with the line above which it is a warning."""
    known = [(name, auc) for name, auc in zip(names, aucs, strict=True) if auc is not None][::-1]
    figure = go.Figure(
        go.Bar(
            x=[auc - 0.5 for _, auc in known],
            y=[tr(name) for name, _ in known],
            base=0.5,
            orientation="h",
            text=[say_fraction(auc) for _, auc in known],
            textposition="outside",
            cliponaxis=False,
            marker={
                "color": [COLOURS[3] if auc > TELLING_AUC else COLOURS[7] for _, auc in known],
                "pattern_shape": ["/" if auc > TELLING_AUC else "" for _, auc in known],
            },
        )
    )
    figure.add_vline(
        x=TELLING_AUC,
        line_dash="dash",
        line_color=COLOURS[7],
        annotation_text=tr("warning above 0.8"),
        annotation_position="top",
    )
    figure.update_xaxes(
        title=tr("AUC of this property alone"), range=[0.5, 1.12], tickvals=[0.5, 0.6, 0.7, 0.8, 0.9, 1.0]
    )
    return framed(figure, 60 + 28 * max(len(known), 3))


def mean_figure(means: dict[str, np.ndarray]) -> go.Figure:
    """Return the mean image of each class, and where two classes differ."""
    labels = sorted(means)
    titles = [tr("mean {image_class}", image_class=tr(label)) for label in labels] + (
        [tr("{image_class} minus {other_class}", image_class=tr(labels[1]), other_class=tr(labels[0]))]
        if len(labels) == 2
        else []
    )
    figure = make_subplots(1, len(titles), subplot_titles=titles, horizontal_spacing=0.03)
    for place, label in enumerate(labels, start=1):
        figure.add_heatmap(
            z=means[label][::-1], colorscale="Greys_r", zmin=0, zmax=1, showscale=False, row=1, col=place
        )
    if len(labels) == 2:
        difference_SS = means[labels[1]] - means[labels[0]]
        reach = float(np.abs(difference_SS).max()) or 1.0
        figure.add_heatmap(
            z=difference_SS[::-1], colorscale="PuOr", zmin=-reach, zmax=reach, row=1, col=3, colorbar_title=tr("grey")
        )
    for place in range(1, len(titles) + 1):
        figure.update_xaxes(visible=False, row=1, col=place)
        figure.update_yaxes(visible=False, scaleanchor=f"x{place if place > 1 else ''}", row=1, col=place)
    return framed(figure, 320)
