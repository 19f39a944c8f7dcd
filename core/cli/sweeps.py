"""Commands about sweeps: `sweep start | list | show | stop | resume`."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from core.cli.config_options import with_config_options
from core.cli.terminal import print_json, print_sentence, print_table
from core.language import mark, tr, tr_n
from core.services.desk import Desk, open_desk
from core.services.sweeps.parsing import make_request, parse_axis, parse_seeds
from core.services.sweeps.presets import READY_SWEEPS, ReadySweep
from core.services.sweeps.request import Objective, Pruning, SweepKind, SweepRequest
from core.training.config import TrainingConfig

app = typer.Typer(help=tr("Many runs as one: grids, listed settings, seeds, searches."), no_args_is_help=True)

Json = Annotated[bool, typer.Option("--json", help=tr("Print one JSON document on standard output and nothing else."))]
SweepId = Annotated[str, typer.Argument(help=tr("A sweep's id, or its beginning."))]


@app.command()
@with_config_options(TrainingConfig)
# One parameter for each option, as Typer reads them.
def start(
    config: TrainingConfig,
    data: Annotated[
        Path | None, typer.Option("--data", help=tr("Folder of the dataset; the split's own if only --split is given."))
    ] = None,
    split: Annotated[
        str, typer.Option("--split", help=tr("A saved split of all runs; drawn by the shares below if not given."))
    ] = "",
    vary: Annotated[
        list[str] | None,
        typer.Option(
            "--vary", help=tr("What to vary: batch_size=16,32; for a search also learning_rate=1e-4..1e-2:log.")
        ),
    ] = None,
    ready_made: Annotated[
        ReadySweep | None, typer.Option("--ready-made", help=tr("A sweep that is ready; options change its base."))
    ] = None,
    trials: Annotated[
        int | None, typer.Option("--trials", help=tr("Search with so many runs in place of every combination."))
    ] = None,
    seeds: Annotated[str, typer.Option("--seeds", help=tr("Each config once with each seed: 0,1,2 or 0..4."))] = "",
    objective: Annotated[Objective, typer.Option("--objective", help=tr("What runs are selected by."))] = Objective.AUC,
    pruning: Annotated[Pruning, typer.Option("--pruning", help=tr("When a search prunes a run."))] = Pruning.MEDIAN,
    at_once: Annotated[int, typer.Option("--at-once", help=tr("Runs of a search at a time."))] = 1,
    name: Annotated[str, typer.Option("--name", help=tr("A name for the sweep."))] = "",
    as_json: Json = False,
) -> None:
    """Queue a grid, a search (--trials), seeds, or a ready-made sweep, and return at once; see `sweep show`."""
    from core.services.runs.config_resolution import folder_to_train_on
    from core.services.sweeps.control import start_sweep

    desk = open_desk()
    ground = {"data": folder_to_train_on(desk, data, split), "split": split, "seeds": parse_seeds(seeds)}
    if ready_made is not None:
        ready = READY_SWEEPS[ready_made]
        own = ready.base.model_copy(update=config.model_dump(exclude_unset=True))
        request = ready.request(base=own, **ground)
        request = request.model_copy(update={"objective": objective, **({"name": name} if name else {})})
    else:
        axes = tuple(parse_axis(text) for text in vary or ())
        search = {"num_trials": trials, "num_at_once": at_once, "pruning": pruning} if trials is not None else {}
        kind = SweepKind.SEARCH if trials is not None else SweepKind.GRID if axes else SweepKind.SEEDS
        request = make_request(name=name, kind=kind, base=config, axes=axes, objective=objective, **search, **ground)
    _started(start_sweep(desk, request), request, as_json)


def _started(sweep_id: str, request: SweepRequest, as_json: bool) -> None:
    if as_json:
        print_json({"sweep_id": sweep_id, "num_trials": request.num_runs})
        return
    typer.echo(
        tr_n(
            "Sweep {sweep_id} of {n} run is queued. Watch it with `sweep show {sweep_id}`.",
            "Sweep {sweep_id} of {n} runs is queued. Watch it with `sweep show {sweep_id}`.",
            request.num_runs,
            sweep_id=sweep_id,
        )
    )


@app.command("list")
def list_all(as_json: Json = False) -> None:
    """Show the newest sweeps."""
    from core.services.sweeps.status import list_sweeps

    rows = [
        {
            **asdict(line),
            "runs": mark("{num_done} of {num_trials}").format(
                num_done=line.counts.num_done, num_trials=line.counts.num_trials
            ),
        }
        for line in list_sweeps(open_desk())
    ]
    if as_json:
        print_json(rows)
        return
    print_table(rows, ("id", "name", "kind", "state", "runs"), tr("There are no sweeps. `sweep start` makes one."))


@app.command()
def show(sweep: SweepId, as_json: Json = False) -> None:
    """Show how a sweep stands: progress, time left, the best run so far, every run."""
    _tell(open_desk(), sweep, as_json)


@app.command()
def stop(sweep: SweepId, as_json: Json = False) -> None:
    """Ask all runs of a sweep to stop, each with a checkpoint, and start no more."""
    from core.services.sweeps.control import stop_sweep

    desk = open_desk()
    stop_sweep(desk, sweep)
    _tell(desk, sweep, as_json)


@app.command()
def resume(sweep: SweepId, as_json: Json = False) -> None:
    """Resume a sweep with the runs it lacks; what is complete or was pruned is not run again."""
    from core.services.sweeps.control import resume_sweep

    desk = open_desk()
    resume_sweep(desk, sweep)
    _tell(desk, sweep, as_json)


def _tell(desk: Desk, sweep_id: str, as_json: bool) -> None:
    from core.services.sweeps.status import get_sweep

    sweep = get_sweep(desk, sweep_id)
    if as_json:
        document: dict[str, Any] = asdict(sweep)
        print_json({**document, "request": sweep.request.model_dump(mode="json")})
        return
    objective = sweep.request.objective.value
    rows = [
        {"trial": one.number, "run": one.run_id, "state": one.state, **one.settings, objective: one.value}
        for one in sweep.trials
    ]
    columns = tuple(rows[0]) if rows else ()
    print_table(rows, columns, tr("No run of it has been asked for yet."))
    counts = sweep.line.counts
    said = tr(
        "{name} is {state}: {num_done} of {num_trials} runs done ({num_pruned} pruned), {num_unfinished} unfinished",
        name=sweep.line.name,
        state=tr(sweep.line.state),
        num_done=counts.num_done,
        num_trials=counts.num_trials,
        num_pruned=counts.num_pruned,
        num_unfinished=counts.num_unfinished,
    )
    if sweep.seconds_left is not None:
        said += ", " + tr("about {seconds:.0f} s left", seconds=sweep.seconds_left)
    print_sentence(f"{said}.")
    if sweep.best is not None:
        print_sentence(
            tr(
                "Best so far: run {run_id} with {objective} {value:.4f}.",
                run_id=sweep.best.run_id,
                objective=tr(objective.replace("_", " ")),
                value=sweep.best.value,
            )
        )
    if sweep.line.error:
        print_sentence(sweep.line.error)
