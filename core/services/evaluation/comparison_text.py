"""What a comparison of two runs means, in plain words."""

from core.evaluation.delong import AucComparison
from core.evaluation.mcnemar import ErrorComparison
from core.evaluation.proportions import say_fraction
from core.language import tr

LEVEL = 0.05


def say_verdict(
    name: str,
    reference: str,
    auc: AucComparison,
    errors: ErrorComparison,
    auc_p: float | None,
    errors_p: float | None,
    num_films: int,
) -> str:
    """Return one or two sentences: on ranking (AUC), and on errors at each run's own threshold."""
    return f"{_on_ranking(name, reference, auc, auc_p, num_films)} {_on_errors(name, reference, errors, errors_p)}"


def _on_ranking(name: str, reference: str, auc: AucComparison, p_value: float | None, num_films: int) -> str:
    if auc.difference is None or auc.auc_first is None or auc.auc_second is None:
        return tr("Without images of both classes nothing can be said of the order in which they rank images.")
    numbers = tr(
        "AUC {auc_first} against {auc_second}",
        auc_first=say_fraction(auc.auc_first, 4),
        auc_second=say_fraction(auc.auc_second, 4),
    )
    if p_value is None or auc.interval is None:
        if auc.difference == 0:
            return tr(
                "{name} and {reference} rank these images alike ({numbers}).",
                name=name,
                reference=reference,
                numbers=numbers,
            )
        return tr("{numbers}; with so few images the difference cannot be tested.", numbers=numbers)
    low, high = auc.interval
    rest = tr(
        "difference {difference:+.4f}, 95 % interval {low:+.4f} to {high:+.4f}, DeLong {p_value}",
        difference=auc.difference,
        low=low,
        high=high,
        p_value=say_p(p_value),
    )
    if p_value < LEVEL:
        better, worse = (name, reference) if auc.difference > 0 else (reference, name)
        return tr(
            "{better} ranks these {num_films:,} images better than {worse}: {numbers}, {rest}.",
            better=better,
            num_films=num_films,
            worse=worse,
            numbers=numbers,
            rest=rest,
        )
    return tr(
        "On these {num_films:,} images no difference in ranking is shown: {numbers}, {rest}.",
        num_films=num_films,
        numbers=numbers,
        rest=rest,
    )


def _on_errors(name: str, reference: str, errors: ErrorComparison, p_value: float | None) -> str:
    only_first, only_second = errors.num_only_first_wrong, errors.num_only_second_wrong
    if not only_first and not only_second:
        return tr(
            "At their thresholds both misread the same {num_both_wrong:,} images.", num_both_wrong=errors.num_both_wrong
        )
    counts = tr(
        "{model} alone misreads {only_first:,}, {other_model} alone {only_second:,}, both {num_both_wrong:,}; McNemar "
        "{p_value}",
        model=name,
        only_first=only_first,
        other_model=reference,
        only_second=only_second,
        num_both_wrong=errors.num_both_wrong,
        p_value=say_p(p_value),
    )
    if p_value is not None and p_value < LEVEL:
        fewer = name if only_first < only_second else reference
        return tr("At their thresholds {model} makes fewer errors: {counts}.", model=fewer, counts=counts)
    return tr("At their thresholds no difference in errors is shown: {counts}.", counts=counts)


def say_p(p_value: float | None) -> str:
    """Return a p-value as people write it."""
    if p_value is None:
        return tr("p unknown")
    return "p < 0.001" if p_value < 0.001 else tr("p = {p_value:.3f}", p_value=p_value)
