"""Commands about records: runs that leave the desk as JSON, and come to another read-only."""

from pathlib import Path
from typing import Annotated

import typer

from core.cli.terminal import print_json, print_sentence
from core.errors import PneumoDeskError
from core.language import tr, tr_n
from core.services.desk import open_desk

app = typer.Typer(help=tr("Records of runs as JSON, without images, names or paths."), no_args_is_help=True)

Json = Annotated[bool, typer.Option("--json", help=tr("Print one JSON document on standard output and nothing else."))]


@app.command("export")
def export(
    out: Annotated[Path, typer.Option("--out", help=tr("The folder to write to; records that lie there stay."))],
    runs: Annotated[
        list[str] | None, typer.Option("--runs", help=tr("A run, by its id or its beginning; may be repeated."))
    ] = None,
    sweep: Annotated[str | None, typer.Option("--sweep", help=tr("All finished runs of this sweep."))] = None,
    as_json: Json = False,
) -> None:
    """Write finished runs with epochs, figures and predictions: images by their hashes, patients by others."""
    from core.services.experiments.run_tables import chosen_runs
    from core.services.records.export import export_records

    if (sweep is None) == (not runs):
        raise PneumoDeskError(tr("Name either a sweep (--sweep ID) or runs (--runs ID --runs ID …)."))
    desk = open_desk()
    written = export_records(desk, chosen_runs(desk, sweep=sweep, runs=runs or ()), out)
    if as_json:
        print_json({"folder": str(written.folder), "runs": written.run_ids, "num_bytes": written.num_bytes})
        return
    typer.echo(
        tr_n(
            "{n} record is in {folder} ({megabytes:.2f} MB).",
            "{n} records are in {folder} ({megabytes:.2f} MB).",
            len(written.run_ids),
            folder=out,
            megabytes=written.num_bytes / 1e6,
        )
    )


@app.command("import")
def import_folder(
    folder: Annotated[Path, typer.Argument(help=tr("A folder of records, or of an exported model with its run.json."))],
    as_json: Json = False,
) -> None:
    """Add records made elsewhere: they can be looked at and compared, and nothing may change them."""
    from core.services.records.importing import import_records

    result = import_records(open_desk(), folder)
    if as_json:
        print_json({"imported": result.imported, "known": result.known, "problems": result.problems})
    else:
        typer.echo(
            tr_n(
                "{n} record imported; already on this desk: {num_known}.",
                "{n} records imported; already on this desk: {num_known}.",
                len(result.imported),
                num_known=len(result.known),
            )
        )
        for sentence in result.problems:
            print_sentence(sentence)
    if result.problems:
        raise typer.Exit(1)
