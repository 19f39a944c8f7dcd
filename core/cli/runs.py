"""Commands that follow and steer runs: `runs follow | stop | kill | resume | requeue | clean`."""

import time
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from core.cli.terminal import print_json, print_sentence, progress_bar
from core.language import tr
from core.progress import Progress
from core.services.desk import Desk, open_desk

if TYPE_CHECKING:
    from core.services.runs.requests import TrainRequest

SECONDS_BETWEEN_LOOKS = 1.0

RunId = Annotated[str, typer.Argument(help=tr("A run's id, or its beginning."))]
Json = Annotated[bool, typer.Option("--json", help=tr("Print one JSON document on standard output and nothing else."))]


def add_control_commands(app: typer.Typer) -> None:
    """Add the commands to the group `runs`."""
    for command in (follow, stop, kill, resume, requeue, clean):
        app.command(command.__name__)(command)


def follow(run: RunId, as_json: Json = False) -> None:
    """Show a run's progress until it ends; ending this command does not end the run."""
    from core.services.runs.status import get_status

    desk = open_desk()
    with progress_bar() as bar:
        status = get_status(desk, run)
        while status.is_live:
            bar.show(Progress(status.stage or status.state, status.num_done, status.num_all or 1, status.detail))
            time.sleep(SECONDS_BETWEEN_LOOKS)
            status = get_status(desk, status.id)
    _tell(desk, status.id, as_json)
    if status.state != "completed":
        raise typer.Exit(1)


def stop(run: RunId, as_json: Json = False) -> None:
    """Ask a run to stop after its step, with a checkpoint."""
    from core.services.runs import control as run_control

    desk = open_desk()
    run_control.stop(desk, run)
    _tell(desk, run, as_json)


def kill(run: RunId, as_json: Json = False) -> None:
    """End a run's process at once; the steps since its last checkpoint are lost."""
    from core.services.runs import control as run_control

    desk = open_desk()
    run_control.kill(desk, run)
    _tell(desk, run, as_json)


def resume(run: RunId, as_json: Json = False) -> None:
    """Resume a stopped, failed or lost run from its last checkpoint."""
    from core.services.runs import control as run_control

    desk = open_desk()
    run_control.resume(desk, run)
    _tell(desk, run, as_json)


def requeue(run: RunId, as_json: Json = False) -> None:
    """Queue a run's config again as a new run."""
    from core.services.runs import control as run_control

    desk = open_desk()
    _tell(desk, run_control.requeue(desk, run), as_json)


def clean(run: RunId, as_json: Json = False) -> None:
    """Delete the resume checkpoints of a run; its model is kept."""
    from core.services.runs.checkpoint_storage import clean_checkpoints

    num_bytes = clean_checkpoints(open_desk(), run)
    if as_json:
        print_json({"run": run, "freed_bytes": num_bytes})
    else:
        typer.echo(tr("{megabytes:,.1f} MB were made free.", megabytes=num_bytes / 1e6))


def _tell(desk: Desk, run: str, as_json: bool) -> None:
    from core.services.runs.status import get_status

    status = get_status(desk, run)
    if as_json:
        document: dict[str, Any] = asdict(status)
        print_json(document)
        return
    print_sentence(tr("Run {run} is {state}.", run=status.id, state=tr(status.state)))
    if status.failure is not None:
        print_sentence(f"{status.failure.explanation} {status.failure.next_step}")


def queue_run(desk: Desk, request: "TrainRequest", as_json: bool) -> None:
    """Put a run into the queue and say how it is followed."""
    from core.services.runs.control import enqueue

    run_ids = enqueue(desk, request)
    if as_json:
        print_json({"run_ids": run_ids})
    else:
        typer.echo(tr("Run {run} is queued. Watch it with `runs follow {run}`.", run=run_ids[0]))
