"""The pages of the dashboard, and how one page leads to another."""

from pathlib import Path
from typing import NoReturn

import streamlit as st

from core.language import mark, tr

PAGES_FOLDER = Path(__file__).resolve().parents[2] / "pages"
PAGES = {
    "overview": (
        mark("Overview"),
        ":material/space_dashboard:",
        mark("The state of the desk: model, device, data, next step."),
    ),
    "triage": (
        mark("Triage"),
        ":material/radiology:",
        mark("Add X-rays, and read them in the order of the site's rules."),
    ),
    "dataset": (
        mark("Dataset"),
        ":material/dataset:",
        mark("Know the images before training on them: leaks, shortcuts, splits."),
    ),
    "training": (mark("Training"), ":material/model_training:", mark("Launch, watch, stop and resume training runs.")),
    "experiments": (
        mark("Experiments"),
        ":material/experiment:",
        mark("Every run: find, evaluate, compare, choose thresholds."),
    ),
    "models": (
        mark("Models"),
        ":material/network_intelligence:",
        mark("Promote a run, choose the active model, roll back, read the card."),
    ),
}


def all_pages() -> list[st.Page]:
    """Return the pages in the order of the sidebar."""
    return [page_named(name) for name in PAGES]


def page_named(name: str) -> st.Page:
    """Return a page by the name of its file."""
    title, icon, purpose = PAGES[name]
    return st.Page(
        PAGES_FOLDER / f"{name}.py", title=tr(title), icon=icon, default=name == "overview", help=tr(purpose)
    )


def go_to(name: str, **query: str) -> NoReturn:
    """Leave this page for another; the query becomes part of its address."""
    st.switch_page(page_named(name), query_params=query)
