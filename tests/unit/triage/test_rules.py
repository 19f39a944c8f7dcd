"""Studies are put into bands and order by the rules, and no rule lowers what needs a human."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from core.triage.rules import HumanBand, WorklistRules, place_studies

FINDINGS = ("pneumonia", "uncertain", "normal")


def studies(*rows: dict) -> pd.DataFrame:
    """Rows of read, normal, fresh images at probability 0.1, but for what is given."""
    usual = {
        "status": "read",
        "finding": "normal",
        "probability": 0.1,
        "gate_distance": 1.0,
        "gate_limit": 2.0,
        "waited_hours": 0.0,
        "is_judged": False,
    }
    return pd.DataFrame([{**usual, "file": f"{number}", **row} for number, row in enumerate(rows)])


UNREAD = {"finding": None, "probability": np.nan, "gate_distance": np.nan}


def test_bands_by_hand() -> None:
    """Flagged images are urgent, uncertain and unread ones for review, images near the gate's limit never routine."""
    table = studies(
        {"finding": "pneumonia", "probability": 0.9},
        {"finding": "uncertain", "probability": 0.5},
        {},
        {"status": "rejected", **UNREAD},
        {"status": "failed", **UNREAD},
        {"gate_distance": 1.95},
        {"gate_distance": 1.85},
    )
    bands = place_studies(table, WorklistRules()).bands_N.tolist()
    assert bands == ["urgent", "review", "routine", "review", "review", "review", "routine"]


def test_own_limits_only_raise() -> None:
    """A site's own limits make uncertain images urgent and hopeful ones reviewed, and never the other way round."""
    rules = WorklistRules(urgent_from=0.45, routine_below=0.05, unreadable_band=HumanBand.URGENT)
    table = studies(
        {"finding": "uncertain", "probability": 0.5},
        {"finding": "pneumonia", "probability": 0.44},
        {"probability": 0.1},
        {"probability": 0.04},
        {"finding": "uncertain", "probability": 0.04},
        {"status": "failed", **UNREAD},
    )
    bands = place_studies(table, rules).bands_N.tolist()
    assert bands == ["urgent", "urgent", "review", "routine", "review", "urgent"]


def test_order_by_hand() -> None:
    """Urgent, escalated, review with the unread first, routine; a study at twice the cap comes before all."""
    table = studies(
        {"probability": 0.2},
        {"finding": "uncertain", "probability": 0.5},
        {"status": "failed", **UNREAD},
        {"finding": "pneumonia", "probability": 0.8},
        {"finding": "pneumonia", "probability": 0.9},
        {"waited_hours": 25.0},
        {"waited_hours": 49.0},
        {"waited_hours": 100.0, "is_judged": True},
    )
    placed = place_studies(table, WorklistRules(waiting_cap_hours=24))
    assert placed.order_N.tolist() == [6, 4, 3, 5, 2, 1, 0, 7]
    assert placed.bands_N[5] == "urgent" and placed.is_lifted_N[5]
    assert placed.bands_N[7] == "routine"


@st.composite
def any_study(draw: st.DrawFn) -> dict:
    if draw(st.booleans()):
        status = draw(st.sampled_from(["rejected", "failed"]))
        return {"status": status, **UNREAD}
    return {"finding": draw(st.sampled_from(FINDINGS)), "probability": draw(st.floats(0, 1))}


@given(
    st.lists(any_study(), min_size=1, max_size=30),
    st.sampled_from(HumanBand),
    st.sampled_from(HumanBand),
    st.none() | st.floats(0.01, 1),
)
def test_what_needs_a_human_never_stands_below_what_does_not(rows, rejected, unreadable, urgent_from) -> None:
    """Whatever the rules, a routine image comes after every unread, uncertain or flagged one."""
    rules = WorklistRules(rejected_band=rejected, unreadable_band=unreadable, urgent_from=urgent_from)
    table = studies(*rows)
    placed = place_studies(table, rules)
    needs_human = (table["finding"] != "normal").to_numpy()
    assert not (placed.bands_N[needs_human] == "routine").any()
    groups = placed.groups_N[placed.order_N]
    routine = placed.bands_N[placed.order_N] == "routine"
    assert (np.diff(groups) >= 0).all() and (np.diff(routine.astype(int)) >= 0).all()
    assert sorted(placed.order_N.tolist()) == list(range(len(rows)))


@given(st.floats(48.01, 10_000), st.floats(0, 47))
def test_no_wait_is_without_bound(long, short) -> None:
    """A routine study at twice the cap comes before any urgent one that has waited less."""
    table = studies({"finding": "pneumonia", "probability": 1.0, "waited_hours": short}, {"waited_hours": long})
    assert place_studies(table, WorklistRules(waiting_cap_hours=24)).order_N.tolist() == [1, 0]


def test_rules_that_contradict_themselves_are_refused() -> None:
    """Rules under which a study would be urgent and routine at once, or a human's work routine, cannot be made."""
    with pytest.raises(ValidationError, match="routine"):
        WorklistRules(urgent_from=0.3, routine_below=0.4)
    with pytest.raises(ValidationError):
        WorklistRules(rejected_band="routine")
