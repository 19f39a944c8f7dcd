"""Commands about ensembles: make one of finished runs, list, show, compare with its members."""

from typing import Annotated, Any

import typer

from core.cli.choosing import CostRatio, RuleKindOption, Target, refusal_of, rule_of
from core.cli.terminal import print_json, print_sentence, print_table
from core.evaluation.operating_point import RuleKind
from core.language import tr
from core.services.desk import open_desk

app = typer.Typer(help=tr("Ensembles: several runs' models read as one."), no_args_is_help=True)

Json = Annotated[bool, typer.Option("--json", help=tr("Print one JSON document on standard output and nothing else."))]
Name = Annotated[str, typer.Argument(help=tr("The ensemble's name."))]


@app.command()
# One parameter for each option, as Typer reads them.
def create(
    name: Name,
    runs: Annotated[list[str], typer.Argument(help=tr("Two to eight finished runs, each by its id or its beginning."))],
    voting: Annotated[
        str, typer.Option("--voting", help=tr("soft (mean probability), weighted (fitted on validation) or hard."))
    ] = "soft",
    half_precision: Annotated[
        bool, typer.Option("--half-precision", help=tr("Keep the members' weights at 16 bits: half the size."))
    ] = False,
    rule: RuleKindOption = RuleKind.YOUDEN,
    target: Target = 0.95,
    cost_ratio: CostRatio = 5.0,
    as_json: Json = False,
) -> None:
    """Make an ensemble from runs' stored predictions: fitted on validation and calibration images alone."""
    from pydantic import ValidationError

    from core.evaluation.catalogue import METRIC
    from core.services.experiments.ensembles import EnsembleRequest, create_ensemble

    try:
        request = EnsembleRequest.model_validate(
            {
                "name": name,
                "runs": tuple(runs),
                "voting": voting,
                "half_precision": half_precision,
                "rule": rule_of(rule, target, cost_ratio),
            }
        )
    except ValidationError as error:
        raise refusal_of(error) from error
    ensemble = create_ensemble(open_desk(), request)
    if as_json:
        print_json(ensemble.document())
        return
    _members(ensemble.document()["members"])
    typer.echo(
        tr(
            "{name} is made ({megabytes:.1f} MB): validation AUC {auc}. Use it as --model ensemble:{name}.",
            name=name,
            megabytes=ensemble.num_bytes / 1e6,
            auc=METRIC["auc"].say(ensemble.card.metrics["validation"].auc),
        )
    )
    if ensemble.idle_members:
        typer.echo(
            tr(
                "The fit gave no part to {members}: without it the same costs less time.",
                members=", ".join(ensemble.idle_members),
            )
        )


@app.command("list")
def list_all(as_json: Json = False) -> None:
    """List the ensembles of this desk."""
    from core.services.experiments.ensembles import list_ensembles

    documents = [ensemble.document() for ensemble in list_ensembles(open_desk())]
    if as_json:
        print_json(documents)
        return
    rows = [
        {
            "name": one["name"],
            "voting": one["voting"],
            "members": ", ".join(member["name"] for member in one["members"]),
            "validation_auc": one["metrics"]["validation"]["auc"],
            "MB": one["num_bytes"] / 1e6,
        }
        for one in documents
    ]
    columns = ("name", "voting", "members", "validation_auc", "MB")
    print_table(rows, columns, tr("There are no ensembles yet: `ensemble create NAME RUN RUN` makes one."))


@app.command()
def show(name: Name, as_json: Json = False) -> None:
    """Show one ensemble: its members, their weights, its threshold."""
    from core.services.experiments.ensembles import show_ensemble

    document = show_ensemble(open_desk(), name).document()
    if as_json:
        print_json(document)
        return
    typer.echo(
        tr(
            "{name}: {voting} voting, {num_bytes:.1f} MB.",
            name=document["name"],
            voting=document["voting"],
            num_bytes=document["num_bytes"] / 1e6,
        )
    )
    _members(document["members"])
    point = document["operating_point"]
    typer.echo(
        tr(
            "Threshold {threshold:.4f}. {rule} Chosen on {chosen_on}.",
            threshold=point["threshold"],
            rule=point["rule"],
            chosen_on=point["chosen_on"],
        )
    )


@app.command()
def compare(
    name: Name,
    split: Annotated[str, typer.Option("--split", help=tr("A split that all members have read."))] = "validation",
    cost: Annotated[bool, typer.Option("--cost/--no-cost", help=tr("Time each model and measure its memory."))] = True,
    as_json: Json = False,
) -> None:
    """Compare an ensemble with each of its members: paired tests, images per second, memory."""
    from core.evaluation.metrics import engine_text, interval_notes
    from core.services.experiments.ensemble_comparison import compare_ensemble

    if cost:
        print_sentence(tr("Timing the ensemble and each member, a few seconds each …"))
    comparison = compare_ensemble(open_desk(), name, split, with_cost=cost)
    if as_json:
        print_json(comparison.document())
        return
    entries = [(tr("{name} (ensemble)", name=name), comparison.report, comparison.cost)]
    entries += [(member.member, member.report, member.cost) for member in comparison.members]
    rows = [
        {
            "model": model,
            **{key: report.say(key) for key in ("auc", "accuracy", "sensitivity", "specificity")},
            "computed_by": engine_text(report),
            "films_per_second": spent.films_per_second if spent else None,
            "peak_MB": spent.peak_megabytes if spent else None,
            "weights_MB": spent.weight_megabytes if spent else None,
        }
        for model, report, spent in entries
    ]
    print_table(rows, tuple(rows[0]), "")
    notes = interval_notes([comparison.report, *(member.report for member in comparison.members)])
    for sentence in (*(member.words for member in comparison.members), comparison.note, *notes):
        typer.echo(sentence)


def _members(members: list[dict[str, Any]]) -> None:
    columns = ("name", "architecture", "image_size", "weight", "threshold", "run_id")
    print_table(members, columns, "")
