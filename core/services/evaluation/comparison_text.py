"""What a comparison of two runs means, in plain words."""

from core.evaluation.delong import AucComparison
from core.evaluation.mcnemar import ErrorComparison
from core.evaluation.proportions import say_fraction

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
    if auc.difference is None:
        return "Without images of both classes nothing can be said of the order in which they rank images."
    numbers = f"AUC {say_fraction(auc.auc_first, 4)} against {say_fraction(auc.auc_second, 4)}"
    if p_value is None or auc.interval is None:
        if auc.difference == 0:
            return f"{name} and {reference} rank these images alike ({numbers})."
        return f"{numbers}; with so few images the difference cannot be tested."
    low, high = auc.interval
    rest = f"difference {auc.difference:+.4f}, 95 % interval {low:+.4f} to {high:+.4f}, DeLong {say_p(p_value)}"
    if p_value < LEVEL:
        better, worse = (name, reference) if auc.difference > 0 else (reference, name)
        return f"{better} ranks these {num_films:,} images better than {worse}: {numbers}, {rest}."
    return f"On these {num_films:,} images no difference in ranking is shown: {numbers}, {rest}."


def _on_errors(name: str, reference: str, errors: ErrorComparison, p_value: float | None) -> str:
    only_first, only_second = errors.num_only_first_wrong, errors.num_only_second_wrong
    if not only_first and not only_second:
        return f"At their thresholds both misread the same {errors.num_both_wrong:,} images."
    counts = (
        f"{name} alone misreads {only_first:,}, {reference} alone {only_second:,}, both {errors.num_both_wrong:,}; "
        f"McNemar {say_p(p_value)}"
    )
    if p_value is not None and p_value < LEVEL:
        fewer = name if only_first < only_second else reference
        return f"At their thresholds {fewer} makes fewer errors: {counts}."
    return f"At their thresholds no difference in errors is shown: {counts}."


def say_p(p_value: float | None) -> str:
    """Return a p-value as people write it."""
    if p_value is None:
        return "p unknown"
    return "p < 0.001" if p_value < 0.001 else f"p = {p_value:.3f}"
