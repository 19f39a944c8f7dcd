"""Commands that show sets of runs as the tables of a study: architectures and tuning."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from core.cli.terminal import print_json, print_sentence, print_table, progress_bar
from core.errors import PneumoDeskError
from core.language import mark, tr
from core.services.desk import open_desk

app = typer.Typer(help=tr("Tables of runs: architectures and tuning, every figure measured."), no_args_is_help=True)

Json = Annotated[bool, typer.Option("--json", help=tr("Print one JSON document on standard output and nothing else."))]
Sweep = Annotated[str | None, typer.Option("--sweep", help=tr("All finished runs of this sweep."))]
Runs = Annotated[
    list[str] | None, typer.Option("--runs", help=tr("A run, by its id or its beginning; may be repeated."))
]
Split = Annotated[
    str | None, typer.Option("--split", help=tr("holdout, validation or calibration; holdout where all runs have one."))
]
Measure = Annotated[
    bool,
    typer.Option("--measure/--no-measure", help=tr("Evaluate held-out images and time models that were not before.")),
]
Out = Annotated[Path | None, typer.Option("--csv", help=tr("Write the table to this file as well."))]


SHORT = {
    "first_weights": mark("weights"),
    "image_size": mark("pixels"),
    "num_runs": mark("runs"),
    "num_parameters": mark("parameters"),
    "megabytes": mark("MB"),
    "gigaflops": mark("GFLOPs"),
    "films_per_second": mark("images/s"),
    "training_seconds": mark("training s"),
}


@app.command()
def architectures(
    sweep: Sweep = None,
    runs: Runs = None,
    split: Split = None,
    measure: Measure = True,
    out: Out = None,
    as_json: Json = False,
) -> None:
    """What each network costs (parameters, MB, operations, images/s, training time) and reaches, with seed spread."""
    from core.services.experiments.study_tables import architecture_table

    _show(architecture_table, sweep, runs or (), split, measure, out, as_json)


@app.command()
def tuning(
    sweep: Sweep = None,
    runs: Runs = None,
    split: Split = None,
    measure: Measure = True,
    out: Out = None,
    as_json: Json = False,
) -> None:
    """Which choices the runs differ in and what each reaches, with seed spread."""
    from core.services.experiments.study_tables import tuning_table

    _show(tuning_table, sweep, runs or (), split, measure, out, as_json)


def _show(
    make: Callable[..., Any],
    sweep: str | None,
    runs: Sequence[str],
    split: str | None,
    measure: bool,
    out: Path | None,
    as_json: bool,
) -> None:
    from core.services.experiments.run_tables import chosen_runs, prepare_table, to_csv

    if (sweep is None) == (not runs):
        raise PneumoDeskError(tr("Name either a sweep (--sweep ID) or runs (--runs ID --runs ID …)."))
    desk = open_desk()
    ids = chosen_runs(desk, sweep=sweep, runs=runs)
    if measure:
        with progress_bar() as bar:
            prepare_table(desk, ids, bar.show)
    table, lines = make(desk, ids, split)
    if out is not None:
        try:
            out.write_text(to_csv(lines), encoding="utf-8", newline="")
        except OSError as error:
            raise PneumoDeskError(
                tr("{out} cannot be written: {strerror}. Name another file.", out=out, strerror=error.strerror)
            ) from error
        print_sentence(tr("Written to {out}.", out=out))
    if as_json:
        print_json({"split": table.split, "num_films": table.num_films, "rows": lines, "notes": list(table.notes)})
        return
    shown: list[str] = [name for name in lines[0] if not name.endswith(("_low", "_high")) and name != "runs"]
    rows = [{SHORT.get(name, name): _cell(line, name) for name in shown} for line in lines]
    print_table(rows, tuple(rows[0]), "")
    for note in table.notes:
        typer.echo(note)


def _cell(line: dict[str, Any], name: str) -> Any:
    """Return a figure with its range over the seeds, where there is more than one."""
    value, low, high = line[name], line.get(f"{name}_low"), line.get(f"{name}_high")
    if value is not None and low is not None:
        return f"{value:.3f}" if low == high else f"{value:.3f} ({low:.3f}–{high:.3f})"
    if name == "num_parameters" and value is not None:
        return f"{value / 1e6:.1f}M"
    return f"{value:.4g}" if isinstance(value, float) else value
