"""Shares as people read them: nothing is rounded to never or always."""

import pytest

from core.evaluation.proportions import say_share


@pytest.mark.parametrize(
    ("share", "num_decimals", "said"),
    [
        (0.0, 1, "0.0%"),
        (1.0, 0, "100%"),
        (0.9996, 1, "> 99.9%"),
        (0.9994, 1, "99.9%"),
        (0.0004, 1, "< 0.1%"),
        (0.996, 0, "> 99%"),
        (0.004, 0, "< 1%"),
        (0.9712, 1, "97.1%"),
    ],
)
def test_a_share_that_was_rounded_is_never_all_or_nothing(share: float, num_decimals: int, said: str) -> None:
    """0 and 100 % are said of exactly none and all; what only rounds to them is said to be above or below."""
    assert say_share(share, num_decimals) == said
