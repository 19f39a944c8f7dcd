"""Tables that leave the desk: no cell is run as a formula, whatever a file or a run is called."""

import csv
import io
from pathlib import Path

import pandas as pd
from hypothesis import given
from hypothesis import strategies as st

from core.services.desk.csv_export import FORMULA_STARTS, frame_to_csv, rows_to_csv
from core.services.experiments.history import HistoryQuery, search_runs
from core.services.experiments.run_export import runs_to_csv
from core.services.experiments.run_tables import to_csv
from tests.made_runs import add_run
from tests.small_desk import small_desk

TEXTS = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=12)


@given(st.sampled_from(FORMULA_STARTS), TEXTS)
def test_no_cell_begins_a_formula(start: str, rest: str) -> None:
    """Rows and tables alike lead such a text by an apostrophe, and give it back whole behind it."""
    text = start + rest
    for content in (rows_to_csv([{"name": text}]), frame_to_csv(pd.DataFrame({"name": [text], "size": [3]}))):
        (row,) = csv.DictReader(io.StringIO(content, newline=""))
        assert row["name"] == f"'{text}".replace("\r", "\n")


def test_numbers_stay_numbers() -> None:
    """A negative number is no formula; decimals are as asked for, whole numbers and missing values as they are."""
    rows = [{"logit": -1.23456789, "count": -3, "none": None, "is_known": True}]
    assert rows_to_csv(rows) == "logit,count,none,is_known\n-1.234568,-3,,True\n"
    assert rows_to_csv(rows, decimals=None).splitlines()[1].startswith("-1.23456789,")
    frame = pd.DataFrame({"logit": [-1.5, None], "count": [-3, 2], "name": ["a", None]})
    assert frame_to_csv(frame) == "logit,count,name\n-1.5,-3,a\n,2,\n"


def test_no_rows_are_a_head_or_nothing() -> None:
    """With columns named there is a line of them; without there is nothing to say."""
    assert rows_to_csv([], ["a", "b"]) == "a,b\n"
    assert rows_to_csv([]) == ""


def test_runs_and_their_tables_are_guarded(tmp_path: Path) -> None:
    """A run that is called as a formula leaves as text, in the list of runs and in tables of them."""
    desk = small_desk(tmp_path)
    add_run(desk, "first", name="=HYPERLINK(1)")
    assert "'=HYPERLINK(1)" in runs_to_csv(search_runs(desk, HistoryQuery()).lines)
    assert to_csv([{"Runs": "=HYPERLINK(1)", "AUC": -0.5}]) == "Runs,AUC\n'=HYPERLINK(1),-0.5\n"
