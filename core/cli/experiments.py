"""Commands about the runs that were made: search, evaluate, compare, export, and annotations."""

from pathlib import Path
from typing import Annotated

import typer

from core.cli.choosing import CostRatio, PointNamed, RuleKindOption, Target, rule_of, show_chosen
from core.cli.terminal import print_json, print_sentence, print_table
from core.errors import PneumoDeskError
from core.evaluation.operating_point import RuleKind
from core.language import tr, tr_n
from core.services.desk import open_desk

Json = Annotated[bool, typer.Option("--json", help=tr("Print one JSON document on standard output and nothing else."))]
Runs = Annotated[list[str], typer.Argument(help=tr("Runs, each by its id or the beginning of it."))]
Run = Annotated[str, typer.Argument(help=tr("A run's id, or its beginning."))]
Split = Annotated[
    str, typer.Option("--split", help=tr("validation, calibration, or another split that was evaluated."))
]


def compare(runs: Runs, split: Split = "validation", as_json: Json = False) -> None:
    """Compare two to eight runs on the same images, each with the first, with paired tests."""
    from core.evaluation.catalogue import METRICS
    from core.evaluation.metrics import engine_text, interval_notes
    from core.services.experiments.comparison import CompareRequest, compare_runs

    comparison = compare_runs(open_desk(), CompareRequest(runs=tuple(runs), split=split))
    if as_json:
        print_json(comparison.document())
        return
    rows = [
        {"figure": metric.name, **{run.id: run.report.say(metric.key) for run in comparison.runs}} for metric in METRICS
    ]
    rows.append({"figure": tr("Computed by"), **{run.id: engine_text(run.report) for run in comparison.runs}})
    print_table(rows, ("figure", *(run.id for run in comparison.runs)), "")
    differing = [
        {"field": name, **{run.id: value for run, value in zip(comparison.runs, values, strict=True)}}
        for name, values in comparison.config_differences.items()
    ]
    print_table(differing, ("field", *(run.id for run in comparison.runs)), tr("Their configs do not differ."))
    notes = interval_notes([run.report for run in comparison.runs])
    for sentence in (*comparison.notes, *(verdict.words for verdict in comparison.verdicts), *notes):
        typer.echo(sentence)


def export(
    out: Annotated[
        Path | None, typer.Option("--out", help=tr("A .csv or .json file; standard output if not given."))
    ] = None,
    text: Annotated[str, typer.Option("--search", help=tr("Only runs whose record holds these words."))] = "",
    as_json: Json = False,
) -> None:
    """Write all runs, or those found by --search: CSV with one line a run, or JSON with every epoch."""
    import json

    from core.services.experiments.history import HistoryQuery, search_runs
    from core.services.experiments.run_export import MOST_RUNS, export_runs, runs_to_csv

    desk = open_desk()
    query = HistoryQuery(text=text, limit=MOST_RUNS)
    if as_json or (out is not None and out.suffix.lower() == ".json"):
        document = export_runs(desk, query)
        if out is None:
            print_json(document)
            return
        content = json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False, default=str)
    else:
        content = runs_to_csv(search_runs(desk, query).lines)
        if out is None:
            typer.echo(content, nl=False)
            return
    try:
        out.write_text(content, encoding="utf-8", newline="")
    except OSError as error:
        raise PneumoDeskError(
            tr("{out} cannot be written: {strerror}. Name another file.", out=out, strerror=error.strerror)
        ) from error
    print_sentence(tr("Written to {out}.", out=out))


def predictions(run: Run, split: Split = "validation") -> None:
    """Write what a run said of every image of a split as CSV on standard output."""
    from core.services.experiments.run_export import predictions_to_csv
    from core.services.runs.record import get_record

    desk = open_desk()
    typer.echo(predictions_to_csv(desk, get_record(desk, run).checkpoint_hash or "", split), nl=False)


def delete(runs: Runs) -> None:
    """Take runs out of every list; `runs restore` brings them back."""
    from core.services.experiments.annotations import delete_runs
    from core.services.runs.record import resolve_run_ids

    desk = open_desk()
    ids = resolve_run_ids(desk, tuple(runs))
    delete_runs(desk, ids)
    print_sentence(
        tr_n(
            "Deleted {n} run. `runs restore {run_ids}` brings it back.",
            "Deleted {n} runs. `runs restore {run_ids}` brings them back.",
            len(ids),
            run_ids=" ".join(ids),
        )
    )


def restore(runs: Runs) -> None:
    """Bring deleted runs back."""
    from core.services.experiments.annotations import restore_runs
    from core.services.runs.record import resolve_run_ids

    desk = open_desk()
    ids = resolve_run_ids(desk, tuple(runs))
    restore_runs(desk, ids)
    print_sentence(tr_n("Restored {n} run.", "Restored {n} runs.", len(ids)))


def purge(
    runs: Annotated[
        list[str] | None, typer.Argument(help=tr("Deleted runs; all whose time for undo is over if none."))
    ] = None,
    who: Annotated[str | None, typer.Option("--as", help=tr("Who does it: named in the audit log."))] = None,
    as_json: Json = False,
) -> None:
    """Delete runs for good that were deleted before: their files, checkpoints and curves."""
    from core.services.experiments.purge import UNDO_HOURS, purge_runs

    done = purge_runs(open_desk(), runs or None, who)
    if as_json:
        print_json({"run_ids": done.run_ids, "freed_bytes": done.num_bytes})
        return
    num_runs, megabytes = len(done.run_ids), done.num_bytes / 1e6
    print_sentence(
        tr_n(
            "Deleted {n} run for good; {megabytes:,.1f} MB were made free.",
            "Deleted {n} runs for good; {megabytes:,.1f} MB were made free.",
            num_runs,
            megabytes=megabytes,
        )
        if runs
        else tr_n(
            "Deleted {n} run for good whose {hours} hours for undo are over; {megabytes:,.1f} MB were made free.",
            "Deleted {n} runs for good whose {hours} hours for undo are over; {megabytes:,.1f} MB were made free.",
            num_runs,
            hours=UNDO_HOURS,
            megabytes=megabytes,
        )
    )


def points(
    model: Annotated[
        str, typer.Argument(help=tr("`starter`, `run:RUN`, `ensemble:NAME`, `imported:NAME` or a folder."))
    ],
    as_json: Json = False,
) -> None:
    """List the operating points kept for a model, as `triage --operating-point` takes them."""
    from core.services.evaluation.threshold_selection import list_points
    from core.services.models.lookup import model_card

    desk = open_desk()
    kept = list_points(desk, model_card(desk, model).weights_hash)
    rows = [{"name": f"{one.point.name}@{one.version}", **one.point.model_dump(exclude={"name"})} for one in kept]
    if as_json:
        print_json(rows)
    else:
        print_table(
            rows, ("name", "threshold", "uncertain_low", "uncertain_high", "chosen_on"), tr("None is kept yet.")
        )


def choose_point(
    run: Run,
    name: PointNamed,
    rule: RuleKindOption = RuleKind.YOUDEN,
    target: Target = 0.95,
    cost_ratio: CostRatio = 5.0,
    split: Split = "validation",
    as_json: Json = False,
) -> None:
    """Choose a run's operating point on validation or calibration images; it is kept as the next version of its
    name.
    """
    from core.services.evaluation.stored_results import load_evaluation
    from core.services.evaluation.threshold_selection import keep_point
    from core.services.runs.record import get_record

    desk = open_desk()
    asked = rule_of(rule, target, cost_ratio)
    record = get_record(desk, run)
    predicted = load_evaluation(desk, record.checkpoint_hash or "", split, occasion=None).predicted
    show_chosen(keep_point(desk, predicted, asked, name), as_json=as_json)


def add_experiment_commands(runs_app: typer.Typer) -> None:
    """Put these commands among those about runs."""
    for command in (compare, export, predictions, delete, restore, purge, points):
        runs_app.command(command.__name__)(command)
    runs_app.command("choose-point")(choose_point)
