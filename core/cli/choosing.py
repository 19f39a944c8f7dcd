"""What the commands that choose an operating point have in common."""

from typing import TYPE_CHECKING, Annotated

import typer
from pydantic import ValidationError

from core.cli.terminal import print_json
from core.errors import PneumoDeskError
from core.evaluation.operating_point import OperatingPointRule, RuleKind
from core.language import tr

if TYPE_CHECKING:
    from core.services.evaluation.threshold_selection import ChosenPoint

PointNamed = Annotated[str, typer.Option("--name", help=tr("What the operating point is called."))]
RuleKindOption = Annotated[RuleKind, typer.Option("--rule", help=tr("What the threshold is chosen for."))]
Target = Annotated[float, typer.Option("--target", help=tr("Least sensitivity or specificity."))]
CostRatio = Annotated[float, typer.Option("--cost-ratio", help=tr("Cost of a miss in false alarms."))]


def rule_of(kind: RuleKind, target: float, cost_ratio: float) -> OperatingPointRule:
    """Return the rule that the options ask for; raises PneumoDeskError for a number outside its bounds."""
    try:
        return OperatingPointRule(kind=kind, target=target, cost_ratio=cost_ratio)
    except ValidationError as error:
        raise refusal_of(error) from error


def refusal_of(error: ValidationError) -> PneumoDeskError:
    """Return what is wrong with the first option that a request refuses."""
    first = error.errors()[0]
    return PneumoDeskError(
        tr(
            "{field} is {given!r}: {problem}.",
            field=first["loc"][0],
            given=first["input"],
            problem=first["msg"].lower(),
        )
    )


def show_chosen(chosen: "ChosenPoint", *, as_json: bool) -> None:
    """Print a kept operating point and how it was chosen."""
    if as_json:
        print_json({"checkpoint_hash": chosen.checkpoint_hash, "version": chosen.version, **chosen.point.model_dump()})
        return
    typer.echo(
        tr(
            "{name}, version {version}: threshold {threshold:.4f}.",
            name=chosen.point.name,
            version=chosen.version,
            threshold=chosen.point.threshold,
        )
    )
    typer.echo(tr("{rule} Chosen on {chosen_on}.", rule=chosen.point.rule, chosen_on=chosen.point.chosen_on))
