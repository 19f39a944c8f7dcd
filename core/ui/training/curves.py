"""The curves of a run while it runs: only what is new is read, and what was read is kept with the tab."""

from dataclasses import dataclass, field

import pandas as pd
import streamlit as st

from core.language import tr
from core.services.desk import Desk
from core.services.runs.status import RunDetail, read_steps

MOST_POINTS = 1000
HEIGHT = 240
LOSS_COLOURS = ["#0b84a5", "#e07b39"]


@dataclass
class KeptSteps:
    """The steps of one run that this tab has read, thinned when they grow many."""

    run_id: str
    last_step: int = 0
    steps: list[int] = field(default_factory=list)
    losses: list[float] = field(default_factory=list)
    learning_rates: list[float] = field(default_factory=list)

    def read_on(self, desk: Desk) -> None:
        """Add the steps that are new; starts again if the run went back to an earlier checkpoint."""
        new = read_steps(desk, self.run_id, after=self.last_step, most=MOST_POINTS)
        if new.last_step < self.last_step:
            self.last_step, self.steps, self.losses, self.learning_rates = 0, [], [], []
            new = read_steps(desk, self.run_id, most=MOST_POINTS)
        self.last_step = new.last_step
        self.steps += new.steps
        self.losses += new.losses
        self.learning_rates += new.learning_rates
        if len(self.steps) > 2 * MOST_POINTS:
            self.steps, self.losses = self.steps[::2], self.losses[::2]
            self.learning_rates = self.learning_rates[::2]


def live_curves(desk: Desk, detail: RunDetail) -> None:
    """Show loss and learning rate by step, and what the validation images said after each epoch."""
    kept = _kept(detail.status.id)
    kept.read_on(desk)
    if not kept.steps and not detail.epochs:
        st.caption(tr("The first curve appears with the first step."))
        return
    left, right = st.columns(2)
    with left:
        st.markdown(tr("**Training loss by step**"))
        st.line_chart(
            pd.DataFrame({tr("step"): kept.steps, tr("loss"): kept.losses}), x=tr("step"), y=tr("loss"), height=HEIGHT
        )
    with right:
        st.markdown(tr("**Learning rate by step**"))
        rates = pd.DataFrame({tr("step"): kept.steps, tr("learning rate"): kept.learning_rates})
        st.line_chart(rates, x=tr("step"), y=tr("learning rate"), height=HEIGHT)
    _epoch_curves(detail)


def _epoch_curves(detail: RunDetail) -> None:
    if not detail.epochs:
        st.caption(tr("Losses and AUC on the validation images follow after the first epoch."))
        return
    epochs = pd.DataFrame(detail.epochs).set_index("epoch")
    left, right = st.columns(2)
    with left:
        st.markdown(tr("**Loss by epoch**"))
        # A run that was made elsewhere may lack one of them.
        losses = epochs.reindex(columns=["train_loss", "validation_loss"])
        losses = losses.rename(columns={"train_loss": tr("train loss"), "validation_loss": tr("validation loss")})
        st.line_chart(losses, height=HEIGHT, color=[*LOSS_COLOURS], x_label=tr("epoch"))
    with right:
        st.markdown(tr("**On the validation images, by epoch**, as computed in training"))
        names = {"validation_auc": "AUC", "validation_accuracy": tr("accuracy at 0.5")}
        judged = epochs.reindex(columns=list(names)).rename(columns=names)
        st.line_chart(judged, height=HEIGHT, color=[*LOSS_COLOURS], x_label=tr("epoch"))


def _kept(run_id: str) -> KeptSteps:
    kept = st.session_state.get("training.steps")
    if kept is None or kept.run_id != run_id:
        kept = st.session_state["training.steps"] = KeptSteps(run_id)
    return kept
