"""The addresses of the Training page: all runs, one run, the form of a new one; the same for sweeps."""

from collections.abc import Sequence
from typing import NoReturn

import streamlit as st


def open_runs() -> NoReturn:
    """Go to all runs."""
    _go(view="runs")


def open_run(run_id: str) -> NoReturn:
    """Go to one run."""
    _go(run=run_id)


def open_form(like: str | None = None) -> NoReturn:
    """Go to the form of a new run, filled in from another run if one is named."""
    _go(view="new", **({"like": like} if like else {}))


def open_form_going_on(run_id: str) -> NoReturn:
    """Go to the form of a new run that starts from a run's weights."""
    _go(**form_going_on([run_id]))


def form_going_on(run_ids: Sequence[str]) -> dict[str, str]:
    """Return the query of the form of a new run that starts from the mean of runs' weights."""
    return {"view": "new", "from": ",".join(run_ids)}


def open_sweeps() -> NoReturn:
    """Go to all sweeps."""
    _go(view="sweeps")


def open_sweep(sweep_id: str) -> NoReturn:
    """Go to one sweep."""
    _go(sweep=sweep_id)


def open_sweep_form() -> NoReturn:
    """Go to the form of a new sweep."""
    _go(view="new_sweep")


def _go(**query: str) -> NoReturn:
    st.query_params.from_dict(query)
    st.rerun()
