"""Commands that write results as documents."""

from pathlib import Path
from typing import Annotated

import typer

from core.cli.terminal import print_sentence
from core.errors import PneumoDeskError
from core.language import tr
from core.services.desk import open_desk

app = typer.Typer(help=tr("Write results as CSV, JSON or PDF."), no_args_is_help=True)
Out = Annotated[Path, typer.Option("--out", help=tr("The file to write; its ending, .csv, .json or .pdf, says what."))]
Reader = Annotated[str | None, typer.Option("--reader", help=tr("Who exports it, for the audit log."))]


@app.command("batch")
def report_batch(
    batch: Annotated[str, typer.Argument(help=tr("A batch's id."))], out: Out, reader: Reader = None
) -> None:
    """Write the ranked list of a batch."""
    from core.services.worklist.reports import export_batch, format_of

    _write(out, export_batch(open_desk(), batch, format_of(out), reader))


@app.command("study")
def report_study(
    reading: Annotated[int, typer.Argument(help=tr("A reading's number, as the batch's JSON names it."))],
    out: Out,
    reader: Reader = None,
) -> None:
    """Write one study: image, AI heatmap, AI result, provenance, readers' findings."""
    from core.services.worklist.reports import export_study, format_of

    _write(out, export_study(open_desk(), reading, format_of(out), reader))


def _write(path: Path, content: bytes) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    except OSError as error:
        raise PneumoDeskError(
            tr("{path} cannot be written: {strerror}.", path=path, strerror=error.strerror)
        ) from error
    print_sentence(tr("Written to {path}.", path=path))
