"""Figures of runs."""

import tomllib
from pathlib import Path

import pytest

from core.figures.run_curves import FROM_LOW_TO_HIGH, sweep_figure

THEME = tomllib.loads((Path(__file__).parents[3] / ".streamlit" / "config.toml").read_text())["theme"]
LEAST_CONTRAST = 3.0
"""For graphical objects, by WCAG 2.2, criterion 1.4.11."""


def luminance(colour: str) -> float:
    """Relative luminance as WCAG 2.2 defines it."""
    channels = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    red, green, blue = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in channels]
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize("mode", ["light", "dark"])
@pytest.mark.parametrize("colour", [colour for _, colour in FROM_LOW_TO_HIGH])
def test_every_line_of_a_sweep_stands_out_on_the_page(mode: str, colour: str) -> None:
    """The lowest, middle and highest result differ from light and dark pages by the contrast that WCAG asks for."""
    lighter, darker = sorted((luminance(colour), luminance(THEME[mode]["backgroundColor"])), reverse=True)
    assert (lighter + 0.05) / (darker + 0.05) >= LEAST_CONTRAST


def test_few_values_are_the_only_ticks_and_are_short() -> None:
    """Seeds 1 to 3 get the ticks 1, 2 and 3, two figures four digits; twenty learning rates get what Plotly makes."""
    rows = [{"seed": 1 + place % 3, "rate": place / 7, "AUC": 0.9 + place / 1000} for place in range(20)]
    seeds, rates, _ = sweep_figure(rows, ["seed", "rate"]).data[0].dimensions
    assert seeds.tickvals == (1, 2, 3)
    assert rates.tickvals is None
    (figures,) = sweep_figure([{"AUC": 0.99521641517}, {"AUC": 0.995969253503}], []).data[0].dimensions
    assert figures.ticktext == ("0.9952", "0.996")
