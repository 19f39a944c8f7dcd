"""Commands about images before any training: `index`, and the splits that have a name (`splits`)."""

from pathlib import Path
from typing import Annotated, Any, get_args

import typer

from core.cli.config_options import with_config_options
from core.cli.terminal import print_json, print_sentence, print_table, progress_bar, write_text
from core.dataset.splitting import Fold, SplitConfig
from core.language import tr
from core.progress import counted
from core.services.desk import open_desk

FOLDS = get_args(Fold)
splits_app = typer.Typer(
    help=tr("Splits that have a name and never change, by patient where patients are known."), no_args_is_help=True
)

Json = Annotated[bool, typer.Option("--json", help=tr("Print one JSON document on standard output and nothing else."))]
Folder = Annotated[Path, typer.Argument(help=tr("Folder of radiographs: split/class, class only, or metadata.csv."))]


def index(
    folder: Folder,
    report: Annotated[Path | None, typer.Option("--report", help=tr("Where to write the data card (HTML)."))] = None,
    manifest: Annotated[
        Path | None, typer.Option("--manifest", help=tr("Where to write the list of all files, as .csv or .parquet."))
    ] = None,
    as_json: Json = False,
) -> None:
    """Index and audit a folder of radiographs: counts, patients, copies, leaks, shortcuts, files with a problem."""
    from core.services.datasets.data_card import data_card
    from core.services.datasets.dataset import describe, examine, write_manifest
    from core.services.datasets.indexing import count_of_patients

    desk = open_desk()
    with progress_bar() as bar:
        dataset = examine(desk, folder, bar.show)
    if report is not None:
        write_text(report, data_card(desk, dataset))
    if manifest is not None:
        write_manifest(dataset, manifest)
    summary = describe(dataset)
    if as_json:
        print_json(summary)
        return
    rows = [
        {"split": split, "label": label, "films": count}
        for split, labels in summary["images"].items()
        for label, count in labels.items()
    ]
    print_table(rows, ("split", "label", "films"), tr("{folder} holds no usable images.", folder=folder))
    typer.echo(
        tr(
            "Usable images: {num_usable}; patients: {patients}; exact copies: {num_copies}; files with a problem: "
            "{num_problems}. Fingerprint {fingerprint}.",
            num_usable=summary["num_usable"],
            patients=count_of_patients(summary),
            num_copies=summary["num_exact_duplicates"],
            num_problems=len(summary["problems"]),
            fingerprint=summary["fingerprint"][:16],
        )
    )
    for finding in summary["findings"]:
        typer.echo(f"{tr(finding['severity'])}: {finding['sentence']}")


@splits_app.command("save")
@with_config_options(SplitConfig)
def save(
    folder: Folder,
    name: Annotated[str, typer.Argument(help=tr("What the split is called from now on."))],
    config: SplitConfig,
    as_json: Json = False,
) -> None:
    """Split a folder by patient, where patients are known, and keep it under a name, for `train --split NAME`."""
    from core.services.datasets import indexing
    from core.services.datasets.splits import save_split

    desk = open_desk()
    with progress_bar() as bar:
        cohort = indexing.index(desk, folder, counted("indexing", bar.show))
    _print_saved(save_split(desk, cohort, config, name), as_json)


@splits_app.command("adopt")
def adopt(
    folder: Folder,
    name: Annotated[str, typer.Argument(help=tr("What the split is called from now on."))],
    model: Annotated[str, typer.Option(help=tr("Whose folds: starter, NAME@VERSION, run:RUN, ensemble:NAME."))],
    as_json: Json = False,
) -> None:
    """Save the folds that a model was trained and chosen on, to train and evaluate others on the very same."""
    from core.services.datasets import indexing
    from core.services.models.training_folds import save_split_of_model

    desk = open_desk()
    with progress_bar() as bar:
        cohort = indexing.index(desk, folder, counted("indexing", bar.show))
    _print_saved(save_split_of_model(desk, cohort, model, name), as_json)


@splits_app.command("list")
def list_all(as_json: Json = False) -> None:
    """List the splits that were saved, newest first."""
    from core.services.datasets.splits import list_splits

    rows = [_row(saved) for saved in list_splits(open_desk())]
    if as_json:
        print_json(rows)
    else:
        columns = ("name", *FOLDS, "seed", "fingerprint", "folder")
        print_table(rows, columns, tr("No split was saved yet: `python -m core splits save DIR NAME` makes one."))


def _print_saved(saved: Any, as_json: bool) -> None:
    row = _row(saved)
    if as_json:
        print_json(row)
        return
    print_table([row], tuple(row), "")
    print_sentence(tr("Train on it with `python -m core train --split {name!r}`.", name=saved.name))


def _row(saved: Any) -> dict[str, Any]:
    from core.services.datasets.splits import FOLDS

    return {
        "name": saved.name,
        **{fold: sum(saved.counts.get(fold, {}).values()) for fold in FOLDS},
        "seed": saved.config.seed,
        "fingerprint": saved.fingerprint,
        "cohort_fingerprint": saved.cohort_fingerprint,
        "folder": str(saved.root),
    }
