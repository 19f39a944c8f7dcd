"""The history: search, filter, sort, choose columns, act on chosen runs, take a deletion back."""

from collections.abc import Sequence

import streamlit as st

from core.evaluation.proportions import kept_inside_0_and_1
from core.language import mark, tr
from core.model.catalogue import Architecture
from core.services.desk import Desk
from core.services.experiments.annotations import archive, restore_runs, star
from core.services.experiments.history import (
    HistoryPage,
    HistoryQuery,
    RunLine,
    RunOrder,
    RunStatusFilter,
    known_tags,
    search_runs,
)
from core.services.experiments.run_export import MOST_RUNS, export_runs, runs_to_csv
from core.services.experiments.seed_groups import RunGroup, group_by_seed, group_by_tag
from core.ui.experiments.deleting import delete, purge_popover, say_what_was_deleted
from core.ui.experiments.together import together_buttons
from core.ui.experiments.words import bounds, figure
from core.ui.words import STATES, moment, state_word

ROWS_ON_A_PAGE = 100
SINGLE, BY_SEED, BY_TAG = mark("Single runs"), mark("By seed"), mark("By tag")
ALWAYS = ["★", mark("Run"), mark("State"), "AUC", mark("95 % interval")]
OPTIONAL = [
    *(
        mark("Over the epochs"),
        mark("Accuracy"),
        mark("Sensitivity"),
        mark("Specificity"),
        mark("Network"),
        mark("Augmentation"),
        mark("Seed"),
        mark("Epochs"),
    ),
    *(mark("Learning rate"), mark("Image size"), mark("Tags"), mark("Note"), mark("Begun"), mark("Id")),
]
USUAL = [mark("Over the epochs"), mark("Accuracy"), mark("Network"), mark("Seed"), mark("Tags"), mark("Begun")]


def history_view(desk: Desk) -> list[str] | None:
    """Show the history; return the runs to open: one to look at, several to compare."""
    query = _asked(desk)
    say_what_was_deleted(desk)
    page = search_runs(desk, query)
    if not page.num_all:
        st.caption(tr("No run yet. Train a model on the Training page, or by `python -m core train --data FOLDER`."))
        return None
    if not page.lines:
        st.caption(tr("No run matches. Remove words or filters, or choose another status."))
        return None
    grouped = st.segmented_control(
        tr("Group"),
        [SINGLE, BY_SEED, BY_TAG],
        default=SINGLE,
        format_func=tr,
        key="experiments.group",
        label_visibility="collapsed",
        required=True,
    )
    if grouped != SINGLE:
        everything = search_runs(desk, query.model_copy(update={"limit": MOST_RUNS, "offset": 0}), with_curves=False)
        everything = everything.lines
        return _groups(group_by_seed(everything) if grouped == BY_SEED else group_by_tag(everything), grouped)
    return _runs(desk, query, page)


def _asked(desk: Desk) -> HistoryQuery:
    with st.container(horizontal=True, vertical_alignment="bottom"):
        text = st.text_input(
            tr("Search"),
            key="experiments.search",
            icon=":material/search:",
            placeholder=tr("Words in name, note, tags, config, error"),
            max_chars=200,
        )
        order = st.selectbox(tr("Sort by"), list(RunOrder), format_func=tr, key="experiments.order", width=200)
        ascending = st.toggle(tr("Smallest or oldest first"), key="experiments.ascending")
        with st.popover(tr("Filter"), icon=":material/filter_list:"):
            states = st.pills(
                tr("State"),
                list(STATES),
                format_func=lambda state: state_word(state).word,
                selection_mode="multi",
                key="experiments.states",
            )
            networks = st.multiselect(tr("Network"), [one.value for one in Architecture], key="experiments.networks")
            tags = st.multiselect(tr("With all of these tags"), known_tags(desk), key="experiments.tags")
            starred = st.toggle(tr("Starred only"), key="experiments.starred")
            shelf = st.segmented_control(
                tr("Status"),
                list(RunStatusFilter),
                default=RunStatusFilter.CURRENT,
                format_func=tr,
                key="experiments.shelf",
                required=True,
                help=tr("Archived runs are hidden; deleted ones can be restored."),
            )
        with st.popover(tr("Columns"), icon=":material/view_column:"):
            st.multiselect(tr("Columns"), OPTIONAL, default=USUAL, format_func=tr, key="experiments.columns")
    return HistoryQuery(
        text=text or "",
        states=tuple(states or ()),
        architectures=tuple(networks),
        tags=tuple(tags),
        starred=starred,
        shelf=shelf or RunStatusFilter.CURRENT,
        order=order,
        ascending=ascending,
        offset=(int(st.session_state.get("experiments.page", 1)) - 1) * ROWS_ON_A_PAGE,
        limit=ROWS_ON_A_PAGE,
    )


def _runs(desk: Desk, query: HistoryQuery, page: HistoryPage) -> list[str] | None:
    names = [*ALWAYS, *(name for name in OPTIONAL if name in st.session_state.get("experiments.columns", USUAL))]
    chosen = st.dataframe(
        [_row(line) for line in page.lines],
        key=f"experiments.table.{query.shelf}.{query.offset}",
        on_select="rerun",
        selection_mode="multi-row",
        hide_index=True,
        placeholder="–",
        column_order=[tr(name) for name in names],
        column_config={
            "★": st.column_config.TextColumn("★", width=30, help=tr("Starred")),
            tr("State"): st.column_config.TextColumn(width=180 if any(line.imported for line in page.lines) else None),
            "AUC": st.column_config.NumberColumn(
                "AUC", format="%.4f", help=tr("Area under the ROC curve on the validation images.")
            ),
            tr("95 % interval"): st.column_config.TextColumn(help=tr("Of the AUC, by a bootstrap of whole patients.")),
            tr("Over the epochs"): st.column_config.LineChartColumn(
                tr("AUC by epoch"), width="small", help=tr("On the validation images; each row has a scale of its own.")
            ),
            **{
                name: st.column_config.NumberColumn(name, format="%.3f")
                for name in (tr("Accuracy"), tr("Sensitivity"), tr("Specificity"))
            },
        },
        alt=tr("Runs with their validation figures"),
    )
    lines = [page.lines[row] for row in chosen.selection.rows if row < len(page.lines)]
    first, last = query.offset + 1, query.offset + len(page.lines)
    st.caption(
        tr(
            "{first:,} to {last:,} of {num_found:,} matching runs ({num_all:,} with archived and deleted ones). "
            "Validation figures: mildly optimistic. Select runs to act on them.",
            first=first,
            last=last,
            num_found=page.num_found,
            num_all=page.num_all,
        )
    )
    if page.num_found > ROWS_ON_A_PAGE:
        st.number_input(tr("Page"), 1, -(-page.num_found // ROWS_ON_A_PAGE), key="experiments.page", width=140)
    return _actions(desk, query, lines)


def _actions(desk: Desk, query: HistoryQuery, lines: Sequence[RunLine]) -> list[str] | None:
    with st.container(horizontal=True):
        opened = _opening_buttons([line.id for line in lines])
        _shelf_buttons(desk, query, lines)
        _download_buttons(desk, query)
    return opened


def _opening_buttons(ids: list[str]) -> list[str] | None:
    opened = None
    if st.button(tr("Open"), icon=":material/open_in_full:", disabled=len(ids) != 1, key="experiments.open"):
        opened = ids
    if st.button(
        tr("Compare {num_runs}", num_runs=len(ids)) if len(ids) > 1 else tr("Compare"),
        type="primary",
        icon=":material/compare_arrows:",
        disabled=not 2 <= len(ids) <= 8,
        help=tr("Select two to eight runs; the others are compared with the first."),
        key="experiments.compare",
    ):
        opened = ids
    together_buttons(ids)
    return opened


def _shelf_buttons(desk: Desk, query: HistoryQuery, lines: Sequence[RunLine]) -> None:
    ids = [line.id for line in lines]
    starred = bool(lines) and all(line.starred for line in lines)
    st.button(
        tr("Take star away") if starred else tr("Star"),
        icon=":material/star:",
        disabled=not ids,
        key="experiments.star",
        on_click=star,
        args=(desk, ids, not starred),
    )
    archived = query.shelf is RunStatusFilter.ARCHIVED
    st.button(
        tr("Restore") if archived else tr("Archive"),
        icon=":material/archive:",
        disabled=not ids or query.shelf is RunStatusFilter.DELETED,
        key="experiments.archive",
        on_click=archive,
        args=(desk, ids, not archived),
    )
    if query.shelf is RunStatusFilter.DELETED:
        st.button(
            tr("Restore"),
            icon=":material/restore_from_trash:",
            disabled=not ids,
            key="experiments.restore",
            on_click=restore_runs,
            args=(desk, ids),
        )
        purge_popover(desk, ids)
    else:
        st.button(
            tr("Delete"),
            icon=":material/delete:",
            disabled=not ids,
            key="experiments.delete",
            help=tr("Hides runs from the lists; records and files are kept, so this can be undone."),
            on_click=delete,
            args=(desk, ids),
        )


def _download_buttons(desk: Desk, query: HistoryQuery) -> None:
    everything = query.model_copy(update={"limit": MOST_RUNS, "offset": 0})
    st.download_button(
        "CSV",
        lambda: runs_to_csv(search_runs(desk, everything).lines),
        "runs.csv",
        "text/csv",
        icon=":material/download:",
        on_click="ignore",
        key="experiments.csv",
        help=tr("All runs that match, one line each."),
    )
    st.download_button(
        "JSON",
        lambda: _json(desk, everything),
        "runs.json",
        "application/json",
        icon=":material/download:",
        on_click="ignore",
        key="experiments.json",
        help=tr("All runs that match, with every epoch."),
    )


def _groups(groups: Sequence[RunGroup], kind: str) -> list[str] | None:
    if not groups:
        st.caption(tr("No run has a tag. Give the trials of a sweep a common tag, and they stand here as one line."))
        return None
    chosen = st.dataframe(
        [
            {
                tr("Runs"): len(group.run_ids),
                tr("Name") if kind == BY_SEED else tr("Tag"): group.name,
                tr("Seeds"): ", ".join(str(seed) for seed in group.seeds),
                tr("Mean AUC"): kept_inside_0_and_1(group.mean_auc, 4),
                tr("Standard deviation"): group.standard_deviation,
                tr("95 % interval of the mean"): bounds(group.interval, 4),
            }
            for group in groups
        ],
        key=f"experiments.groups.{kind}",
        on_select="rerun",
        selection_mode="single-row",
        hide_index=True,
        column_config={
            tr("Mean AUC"): st.column_config.NumberColumn(format="%.4f"),
            tr("Standard deviation"): st.column_config.NumberColumn(format="%.4f"),
        },
        alt=tr("Groups of runs with the spread of their AUC"),
    )
    st.caption(tr("Runs that differ in nothing but the seed.") if kind == BY_SEED else tr("Runs that share a tag."))
    rows = [row for row in chosen.selection.rows if row < len(groups)]
    ids = list(groups[rows[0]].run_ids) if rows else []
    if st.button(
        tr("Compare these runs"),
        icon=":material/compare_arrows:",
        disabled=not 2 <= len(ids) <= 8,
        help=tr("A comparison takes two to eight runs."),
        key="experiments.compare_group",
    ):
        return ids
    return None


def _row(line: RunLine) -> dict[str, object]:
    word = state_word(line.state).word
    return {
        "★": "★" if line.starred else "",
        tr("Run"): line.name,
        tr("State"): tr("{word}, imported record", word=word) if line.imported else word,
        "AUC": kept_inside_0_and_1(line.auc, 4),
        tr("95 % interval"): bounds(line.auc_interval, 4),
        tr("Over the epochs"): [value for value in line.sparkline if value is not None],
        tr("Accuracy"): kept_inside_0_and_1(line.accuracy),
        tr("Sensitivity"): kept_inside_0_and_1(line.sensitivity),
        tr("Specificity"): kept_inside_0_and_1(line.specificity),
        tr("Network"): line.architecture,
        tr("Augmentation"): line.config.get("recipe"),
        tr("Seed"): line.seed,
        tr("Epochs"): line.num_epochs,
        tr("Learning rate"): figure(line.config.get("learning_rate")),
        tr("Image size"): line.config.get("image_size"),
        tr("Tags"): ", ".join(line.tags),
        tr("Note"): line.note,
        tr("Begun"): moment(line.created_at),
        tr("Id"): line.id,
    }


def _json(desk: Desk, query: HistoryQuery) -> str:
    import json

    return json.dumps(export_runs(desk, query), indent=1, ensure_ascii=False, default=str)
