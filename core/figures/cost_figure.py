"""What models reach against what they cost."""

from collections.abc import Sequence
from dataclasses import dataclass

import plotly.graph_objects as go

from core.figures.palette import COLOURS, framed
from core.language import tr

SYMBOLS = ("circle", "square", "diamond", "cross", "triangle-up", "star", "hexagon", "x")


@dataclass(frozen=True)
class CostPoint:
    """One model: its cost, what it reaches with the range over the seeds, and the size of its weights."""

    name: str
    cost: float
    reached: float
    low: float
    high: float
    megabytes: float | None


def cost_figure(points: Sequence[CostPoint], cost_title: str, reached_title: str) -> go.Figure:
    """Return one mark for each model, with the range over its seeds; the cost's axis is logarithmic."""
    figure = go.Figure()
    for place, point in enumerate(points):
        size = "" if point.megabytes is None else tr(", {megabytes:.0f} MB", megabytes=point.megabytes)
        figure.add_scatter(
            x=[point.cost],
            y=[point.reached],
            mode="markers",
            name=f"{point.name}{size}",
            marker={"size": 13, "color": COLOURS[place % len(COLOURS)], "symbol": SYMBOLS[place % len(SYMBOLS)]},
            error_y={
                "type": "data",
                "symmetric": False,
                "array": [point.high - point.reached],
                "arrayminus": [point.reached - point.low],
                "visible": point.high > point.low,
            },
            hovertemplate=f"{point.name}<br>{cost_title}: %{{x:.3g}}<br>{reached_title}: %{{y:.4f}}<extra></extra>",
        )
    figure.update_xaxes(title=cost_title, type="log")
    figure.update_yaxes(title=reached_title)
    return framed(figure, height=380)
