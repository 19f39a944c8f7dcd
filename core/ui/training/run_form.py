"""The form of a new run, made from the fields of TrainingConfig, with what is worth knowing before the launch."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import streamlit as st

from core.errors import PneumoDeskError
from core.language import tr, tr_n
from core.services.datasets.known_datasets import KnownCohort, list_known_cohorts
from core.services.datasets.splits import SplitSummary
from core.services.desk import Desk
from core.services.runs.control import enqueue, request_going_on_from, request_of
from core.services.runs.cost_estimate import RunEstimate, estimate_run
from core.services.runs.launch_preview import equal_command, preview_sheet
from core.services.runs.requests import TrainRequest
from core.training.config import SPLIT_FIELDS, TrainingConfig
from core.training.presets import PRESETS
from core.ui.config_form import config_form
from core.ui.training.addresses import open_run, open_runs
from core.ui.training.folder_form import folder_form
from core.ui.training.split_choice import split_choice
from core.ui.words import duration, size

HIDDEN = frozenset({"seed"})


@dataclass(frozen=True)
class StartingPoint:
    """What the form is filled in with, and the key of its widgets: another start is another form."""

    key: str
    request: TrainRequest


def run_form(desk: Desk, like: str | None, going_on_from: Sequence[str] = ()) -> None:
    """Show the form; launching leads to the run, or to the list if there are several.

    It is filled in from the run `like`, or for a run that starts from others, or from a preset.
    """
    known = list_known_cohorts(desk)
    start = _starting_point(desk, like, going_on_from)
    cohort = _choose_cohort(desk, known, start)
    if cohort is None:
        return
    saved = split_choice(desk, cohort, key=f"training.split.{start.key}", start=start.request.split)
    config = config_form(
        TrainingConfig,
        start.request.config,
        key=f"training.form.{start.key}",
        hidden=HIDDEN | (set(SPLIT_FIELDS) if saved else set()),
    )
    name, seeds, note, tags = _about(start)
    if config is None or seeds is None:
        return
    _before_launch(desk, cohort, saved, config, name, seeds)
    if st.button(
        tr_n("Launch the run", "Launch {n} runs", len(seeds)),
        type="primary",
        icon=":material/rocket_launch:",
        key="training.launch",
    ):
        split = saved.name if saved else ""
        request = TrainRequest(data=cohort.root, name=name, split=split, config=config, note=note, tags=tuple(tags))
        run_ids = enqueue(desk, request, seeds)
        if len(run_ids) == 1:
            open_run(run_ids[0])
        open_runs()


def _starting_point(desk: Desk, like: str | None, going_on_from: Sequence[str]) -> StartingPoint:
    if going_on_from:
        request = request_going_on_from(desk, going_on_from)
        what = (
            tr("the weights of a run")
            if len(going_on_from) == 1
            else tr("the mean of {num_runs} runs' weights", num_runs=len(going_on_from))
        )
        st.caption(
            tr(
                ":material/conversion_path: Begins with {source}. A low learning rate and few epochs keep what they "
                "learnt; train on the same split, or figures would be too good.",
                source=what,
            )
        )
        return StartingPoint(f"from.{request.config.average_of}", request)
    if like:
        request = request_of(desk, like)
        st.caption(
            tr(
                ":material/content_copy: Filled in from the run **{name}**. Change what should differ.",
                name=request.name,
            )
        )
        return StartingPoint(like, request)
    chosen = st.segmented_control(
        tr("Begin with"),
        list(PRESETS),
        default="quick_look",
        required=True,
        format_func=lambda name: tr(PRESETS[name].title),
        key="training.preset",
    )
    preset = PRESETS[chosen]
    st.caption(tr(preset.purpose))
    return StartingPoint(chosen, TrainRequest(data=Path(), name=preset.title, config=preset.config))


def _choose_cohort(desk: Desk, known: list[KnownCohort], start: StartingPoint) -> KnownCohort | None:
    if not known:
        st.markdown(tr("**No dataset yet.** Choose a folder to train on."))
        folder_form(desk)
        return None
    roots = [cohort.root for cohort in known]
    cohort = st.selectbox(
        tr("Dataset"),
        known,
        index=roots.index(start.request.data) if start.request.data in roots else 0,
        format_func=lambda one: one.words,
        help=tr("Patients of its training folder are split; its test folder is not touched."),
        key=f"training.cohort.{start.key}",
    )
    with st.expander(tr("Another folder"), icon=":material/create_new_folder:"):
        folder_form(desk)
    return cohort


def _about(start: StartingPoint) -> tuple[str, list[int] | None, str, list[str]]:
    """Name, seeds (None if they make no sense), note and tags."""
    left, middle, right = st.columns(3)
    key = f"training.about.{start.key}"
    name = left.text_input(tr("Name"), value=start.request.name, key=f"{key}.name")
    text = middle.text_input(
        tr("Seeds"),
        value=str(start.request.config.seed),
        help=tr("One run for each, such as `0, 1, 2`; their spread shows the variance."),
        key=f"{key}.seeds",
    )
    tags = right.multiselect(
        tr("Tags"),
        list(start.request.tags),
        default=list(start.request.tags),
        accept_new_options=True,
        max_selections=20,
        placeholder=tr("Words to find it by"),
        key=f"{key}.tags",
    )
    note = st.text_area(tr("Note"), height=68, max_chars=10_000, key=f"{key}.note")
    parts = [part.strip() for part in text.split(",") if part.strip()]
    if not parts or not all(part.isdecimal() and int(part) < 2**31 for part in parts):
        st.error(tr("Seeds are whole numbers from 0 on, with commas between them."), icon=":material/error:")
        return name, None, note, tags
    return name, [int(part) for part in dict.fromkeys(parts)], note, tags


def _before_launch(
    desk: Desk, cohort: KnownCohort, saved: SplitSummary | None, config: TrainingConfig, name: str, seeds: list[int]
) -> None:
    with st.container(horizontal=True):
        wants_estimate = st.button(
            tr("Estimate time, memory and disk"),
            icon=":material/timer:",
            key="training.estimate",
            help=tr("Tries these choices for some seconds on synthetic images."),
        )
        wants_preview = st.button(tr("Preview a batch"), icon=":material/grid_view:", key="training.preview")
    split = saved.name if saved else ""
    asked = f"{cohort.fingerprint} {split} {config.model_dump_json()}"
    try:
        if wants_estimate:
            with st.spinner(tr("Trying these choices …")):
                estimate = estimate_run(desk, config, *_sizes(cohort, saved, config))
                st.session_state["training.estimated"] = (asked, estimate)
        if wants_preview:
            with st.spinner(tr("Varying images …")):
                st.session_state["training.previewed"] = (asked, preview_sheet(desk, cohort.root, config))
    except PneumoDeskError as error:
        st.error(str(error), icon=":material/error:")
    for_what, estimate = st.session_state.get("training.estimated", (None, None))
    if for_what == asked:
        _estimate(estimate, len(seeds))
    for_what, sheet = st.session_state.get("training.previewed", (None, None))
    if for_what == asked:
        st.image(
            sheet,
            caption=tr("Training images as this augmentation varies them"),
            alt=tr("Twelve varied training images"),
        )
    with st.expander(tr("The same from the command line"), icon=":material/terminal:"):
        st.code(
            equal_command(cohort.root, config, name=name, split=split, seeds=seeds), language="bash", wrap_lines=True
        )


def _sizes(cohort: KnownCohort, saved: SplitSummary | None, config: TrainingConfig) -> tuple[int, int]:
    """How many images are trained on, and how many evaluate an epoch."""
    if saved is not None:
        return sum(saved.counts["train"].values()), sum(saved.counts["validation"].values())
    judged = round(cohort.num_for_training * config.validation_fraction)
    held_back = config.calibration_fraction + config.holdout_fraction
    return round(cohort.num_for_training * (1 - held_back)) - judged, judged


def _estimate(estimate: RunEstimate, num_runs: int) -> None:
    is_each = num_runs > 1
    with st.container(horizontal=True):
        st.metric(
            tr("Time each") if is_each else tr("Time"),
            duration(estimate.seconds),
            border=True,
            help=tr("On an otherwise idle machine."),
        )
        st.metric(
            tr("Memory each") if is_each else tr("Memory"),
            size(estimate.memory),
            border=True,
            help=tr("{memory_free} may be used.", memory_free=size(estimate.memory_free)),
        )
        st.metric(
            tr("Disk each") if is_each else tr("Disk"),
            size(estimate.disk),
            border=True,
            help=tr("{disk_free} are free.", disk_free=size(estimate.disk_free)),
        )
        st.metric(
            tr("Largest batch"),
            tr("{largest_batch_size} images", largest_batch_size=estimate.largest_batch_size),
            border=True,
            help=tr("The largest power of two that would fit into the memory that is free, by what the trial needed."),
        )
    if not estimate.fits_in_memory:
        st.warning(
            tr(
                "This batch would not fit into memory. A batch of {largest_batch_size} images would.",
                largest_batch_size=estimate.largest_batch_size,
            ),
            icon=":material/memory:",
        )
    if not estimate.fits_on_disk:
        st.warning(tr("The checkpoints would not fit on the disk: make room first."), icon=":material/hard_drive:")
