"""Colours that people of all colour vision tell apart on light and dark ground, and the frame of every figure."""

import plotly.graph_objects as go

COLOURS = ("#2b8cbe", "#e69f00", "#009e73", "#d55e00", "#cc79a7", "#56b4e9", "#8c6bb1", "#8a8a8a")
DASHES = ("solid", "dash", "dot", "dashdot", "longdash", "longdashdot", "solid", "dash")
BAND_OPACITY = 0.18


def translucent(colour: str, opacity: float) -> str:
    """Return a colour of six hex digits with an opacity, 0 to 1."""
    red, green, blue = (int(colour[place : place + 2], 16) for place in (1, 3, 5))
    return f"rgba({red},{green},{blue},{opacity:.3f})"


def framed(figure: go.Figure, height: int = 340) -> go.Figure:
    """Return the figure with narrow margins and no toolbar's worth of empty space; `height` in pixels."""
    return figure.update_layout(height=height, margin={"l": 10, "r": 10, "t": 30, "b": 10})
