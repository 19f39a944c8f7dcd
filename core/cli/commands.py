"""Every command: reads options, calls one service, prints."""

import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from core.cli import datasets, ensembles, keeping, keys, model_files, records, reports, stress, sweeps, tables, worklist
from core.cli.column_words import column_in_words
from core.cli.config_options import with_config_options
from core.cli.experiments import add_experiment_commands
from core.cli.help_texts import translate_help
from core.cli.runs import add_control_commands, queue_run
from core.cli.terminal import print_json, print_sentence, print_table, progress_bar, write_text
from core.errors import PneumoDeskError
from core.language import tr, tr_n
from core.progress import counted
from core.runs.reporting import RunStopped
from core.services.desk import open_desk
from core.services.models.lookup import ACTIVE
from core.settings import NOTICE
from core.training.config import TrainingConfig

if TYPE_CHECKING:
    from core.evaluation.metrics import EvaluationReport

app = typer.Typer(
    help=tr("PneumoDesk: explore, train, compare and triage chest images.") + " " + tr(NOTICE),
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
runs_app = typer.Typer(help=tr("Training runs."), no_args_is_help=True)
app.add_typer(runs_app, name="runs")
add_experiment_commands(runs_app)
add_control_commands(runs_app)
app.add_typer(sweeps.app, name="sweep")
app.add_typer(model_files.app, name="models")
app.add_typer(ensembles.app, name="ensemble")
app.add_typer(tables.app, name="tables")
app.add_typer(records.app, name="records")
app.add_typer(keys.app, name="keys")
app.add_typer(worklist.app, name="worklist")
app.add_typer(reports.app, name="report")
app.add_typer(datasets.splits_app, name="splits")
app.command()(datasets.index)
app.command()(stress.stress)
app.command()(stress.gate)
app.command()(keeping.backup)
app.command()(keeping.backup_key)
app.command()(keeping.restore)
app.command()(keeping.delete)
app.command()(keeping.undelete)

Json = Annotated[bool, typer.Option("--json", help=tr("Print one JSON document on standard output and nothing else."))]
Model = Annotated[
    str,
    typer.Option(
        "--model",
        help=tr("`active`, `starter`, NAME@VERSION, `run:RUN`, `ensemble:NAME`, `imported:NAME` or a folder."),
    ),
]


@app.command()
@with_config_options(TrainingConfig)
def train(
    config: TrainingConfig,
    data: Annotated[
        Path | None, typer.Option("--data", help=tr("Folder of the dataset; the split's own if only --split is given."))
    ] = None,
    split: Annotated[
        str,
        typer.Option("--split", help=tr("A saved split (see `splits list`); drawn by the shares below if not given.")),
    ] = "",
    name: Annotated[str, typer.Option("--name", help=tr("A name for the run."))] = "",
    queue: Annotated[
        bool, typer.Option("--queue", help=tr("Put the run into the queue and return at once; see `runs follow`."))
    ] = False,
    as_json: Json = False,
) -> None:
    """Train a model on a dataset; the run, its numbers and its checkpoint are kept."""
    from core.services.runs.config_resolution import folder_to_train_on
    from core.services.runs.execution import train as train_model
    from core.services.runs.requests import TrainRequest

    desk = open_desk()
    request = TrainRequest(data=folder_to_train_on(desk, data, split), name=name, split=split, config=config)
    if queue:
        queue_run(desk, request, as_json)
        return
    with progress_bar() as bar:
        result = train_model(
            desk,
            request,
            bar.show,
        )
    if as_json:
        print_json(asdict(result))
        return
    from core.evaluation.catalogue import METRIC

    metrics = result.summary["metrics"]["validation"]
    typer.echo(
        tr(
            "Run {run} is completed: validation AUC {auc}, accuracy at threshold {accuracy}, epoch {best_epoch} of "
            "{num_epochs} kept. Use it as --model run:{run}.",
            run=result.run_id,
            auc=METRIC["auc"].say(metrics["auc"]),
            accuracy=METRIC["accuracy"].say(metrics["accuracy"]),
            best_epoch=result.summary["best_epoch"],
            num_epochs=result.summary["num_epochs"],
        )
    )


@app.command()
def evaluate(
    data: Annotated[Path, typer.Option("--data", help=tr("Folder of the dataset."))],
    model: Model = ACTIVE,
    split: Annotated[
        str,
        typer.Option(
            "--split",
            help=tr("A folder (train, val, test), NAME/FOLD of a saved split, or all; without such folders it is all."),
        ),
    ] = "test",
    again: Annotated[
        bool, typer.Option("--again", help=tr("Analyse images again whose predictions are stored."))
    ] = False,
    as_json: Json = False,
) -> None:
    """Evaluate a model on the labelled images of a split; every test-set access is recorded."""
    from core.evaluation.metrics import interval_notes
    from core.services.evaluation.evaluate import EvaluationRequest
    from core.services.evaluation.evaluate import evaluate as judge

    desk = open_desk()
    with progress_bar() as bar:
        request = EvaluationRequest(data=data, model=model, split=split, again=again)
        result = judge(desk, request, counted("scoring", bar.show))
    document = result.document()
    if as_json:
        print_json(document)
        return
    _print_figures(result.report)
    for note in interval_notes([result.report]):
        typer.echo(note)
    if result.num_training_images is None:
        typer.echo(
            tr("Whether the model was trained on any of these images is unknown: its folds did not come with it.")
        )
    elif result.num_training_images:
        typer.echo(
            tr(
                "TRAINING IMAGES: {model} was trained on {num_trained} of these {num_images} images, or on others of "
                "the same patients. The figures above are too good.",
                model=document["model"],
                num_trained=result.num_training_images,
                num_images=document["n"],
            )
        )
        if others := result.without_training_images:
            typer.echo(tr_n("Without them, {n} image:", "Without them, {n} images:", others.n))
            _print_figures(others)
    said = tr_n(
        "{n} image of the split {split}, analysed by {model} at the threshold {threshold:.4f} with {engine}.",
        "{n} images of the split {split}, analysed by {model} at the threshold {threshold:.4f} with {engine}.",
        document["n"],
        split=document["split"],
        model=document["model"],
        threshold=document["threshold"],
        engine=document["engine"],
    )
    looks = tr_n("Looked at once on this desk.", "Looked at {n} times on this desk.", document["num_openings"])
    typer.echo(f"{said} {looks} {tr(NOTICE)}")


def _print_figures(report: "EvaluationReport") -> None:
    from core.evaluation.catalogue import METRICS
    from core.evaluation.proportions import say_interval

    rows = []
    for metric in METRICS:
        interval = getattr(report.ci, metric.key, None)
        ends = say_interval(interval, metric.num_decimals) if interval else tr("none")
        rows.append({"figure": metric.name, "value": metric.say(getattr(report, metric.key)), "95% interval": ends})
    print_table(rows, ("figure", "value", "95% interval"), "")


@app.command()
def triage(
    paths: Annotated[list[Path], typer.Argument(help=tr("Images, folders and zip archives."))],
    out: Annotated[Path | None, typer.Option("--out", help=tr("Write the ranked list to this CSV file."))] = None,
    model: Model = ACTIVE,
    operating_point: Annotated[
        str, typer.Option("--operating-point", help=tr("NAME or NAME@VERSION of one kept for this model."))
    ] = "",
    saliency: Annotated[
        Path | None,
        typer.Option("--saliency", help=tr("Write small pictures of the images with the AI heatmap into this folder.")),
    ] = None,
    again: Annotated[
        bool, typer.Option("--again", help=tr("Analyse images again that this model version has analysed before."))
    ] = False,
    as_json: Json = False,
) -> None:
    """Analyse images and list them in reading order; every file gets a row, whatever it is."""
    from core.cli.reading_tables import READING_COLUMNS, shown_reading
    from core.result_words import AI_RESULTS_SHORT, operating_point_in_words
    from core.services.triage.batch_reading import TriageRequest, run_triage
    from core.services.worklist.batch_list import batch_document
    from core.services.worklist.reports import ExportFormat, export_batch
    from core.services.worklist.retention import apply_retention_if_allowed
    from core.services.worklist.studies import count_results

    desk = open_desk()
    request = TriageRequest(
        paths=tuple(paths), model=model, operating_point=operating_point, saliency_folder=saliency, again=again
    )
    with progress_bar() as bar:
        result = run_triage(desk, request, on_progress=bar.show)
    apply_retention_if_allowed(desk)
    document = batch_document(desk, result.batch_id)
    if out is not None:
        write_text(out, export_batch(desk, result.batch_id, ExportFormat.CSV).decode())
    if as_json:
        print_json(document)
        return
    if out is None:
        print_table([shown_reading(row) for row in document["readings"]], READING_COLUMNS, tr("There were no files."))
    results = count_results(desk, [result.batch_id])[result.batch_id]
    counts = ", ".join(f"{AI_RESULTS_SHORT[one]} {count}" for one, count in results.items())
    point = result.operating_point
    print_sentence(
        tr_n(
            "{n} file. {counts}. Model {model} ({checkpoint_hash}), operating point {name}: {ranges}.",
            "{n} files. {counts}. Model {model} ({checkpoint_hash}), operating point {name}: {ranges}.",
            result.num_files,
            counts=counts,
            model=result.model,
            checkpoint_hash=result.checkpoint_hash[:12],
            name=point["name"],
            ranges=operating_point_in_words(point["uncertain_low"], point["uncertain_high"]),
        )
        + (" " + tr("List written to {out}.", out=out) if out else "")
    )
    print_sentence(tr(NOTICE))


@app.command()
def phantoms(
    folder: Annotated[Path, typer.Argument(help=tr("Where to write them."))],
    num_films: Annotated[int, typer.Option("--films", min=1, max=100_000, help=tr("How many images."))] = 24,
    seed: Annotated[int, typer.Option("--seed", min=0, help=tr("The same seed draws the same images."))] = 0,
) -> None:
    """Draw synthetic chest images, and a few files that are none, to try the desk with."""
    from core.radiograph.phantom import write_phantom_folder

    write_phantom_folder(folder, num_films, seed=seed, with_hostile=True)
    print_sentence(
        tr_n(
            "{n} synthetic image and a few other files are in {folder}. They are drawn, not real.",
            "{n} synthetic images and a few other files are in {folder}. They are drawn, not real.",
            num_films,
            folder=folder,
        )
    )


@runs_app.command("list")
def runs_list(as_json: Json = False) -> None:
    """List all training runs, newest first."""
    from core.services.runs.listing import list_runs

    rows = list_runs(open_desk())
    if as_json:
        print_json(rows)
    else:
        columns = ("id", "name", "state", "validation_auc", "validation_accuracy_at_threshold", "created_at")
        print_table(rows, columns, tr("There are no runs yet: `python -m core train --data DIR` makes one."))


@runs_app.command("show")
def runs_show(
    run: Annotated[str, typer.Argument(help=tr("A run's id, or its beginning."))], as_json: Json = False
) -> None:
    """Show one run: config, lineage, every epoch."""
    from core.services.runs.listing import show_run

    document = show_run(open_desk(), run)
    if as_json:
        print_json(document)
        return
    lineage = ("cohort_fingerprint", "split_name", "split_fingerprint", "checkpoint_hash")
    for name in ("id", "name", "state", *lineage, "error"):
        typer.echo(f"{column_in_words(name)}: {'–' if document[name] is None else document[name]}")
    columns = ("epoch", "train_loss", "validation_loss", "validation_auc", "validation_accuracy_at_0.5", "seconds")
    rows = [{name: epoch.get(name.removesuffix("_at_0.5")) for name in columns} for epoch in document["epochs"]]
    print_table(rows, columns, tr("No epoch of it has ended."))


translate_help(app)


def main() -> None:
    """Run a command; an error made on purpose is one sentence on standard error and exit code 1."""
    try:
        app()
    except PneumoDeskError as error:
        print_sentence(tr("Error: {error}", error=error))
        sys.exit(1)
    except (KeyboardInterrupt, RunStopped):
        print_sentence(tr("Stopped."))
        sys.exit(130)
