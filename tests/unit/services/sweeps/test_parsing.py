"""What a sweep varies, as people write it."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import SettingsError
from core.services.sweeps.parsing import parse_axis, parse_seeds
from core.services.sweeps.presets import READY_SWEEPS, ReadySweep
from core.services.sweeps.request import SweepAxis
from core.training.config import FineTuning, TrainingConfig


@pytest.mark.parametrize(
    ("text", "axis"),
    [
        ("batch_size=16,32", SweepAxis(field="batch_size", values=(16, 32))),
        ("batch-size = 16 , 32", SweepAxis(field="batch_size", values=(16, 32))),
        ("dropout=0.1,0.5", SweepAxis(field="dropout", values=(0.1, 0.5))),
        ("architecture=vgg16", SweepAxis(field="architecture", values=("vgg16",))),
        ("learning_rate=1.5e-4..1e-2:log", SweepAxis(field="learning_rate", low=1.5e-4, high=0.01, is_log=True)),
        ("dropout=0.1..0.5", SweepAxis(field="dropout", low=0.1, high=0.5)),
        ("epochs=2..8", SweepAxis(field="epochs", low=2, high=8)),
    ],
)
def test_values_and_bounds_are_read(text: str, axis: SweepAxis) -> None:
    """Commas list values of the choice's own kind, two dots are bounds, `:log` draws orders of magnitude."""
    assert parse_axis(text) == axis


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("dropout", "does not say what to vary"),
        ("dropout=", "does not say what to vary"),
        ("dropout=much", "takes numbers"),
        ("dropout=a..b", "takes numbers"),
        ("unheard=1", "cannot vary"),
        ("dropout=0.5..0.1", "must be below"),
        ("batch_size=16,16", "twice"),
    ],
)
def test_what_makes_no_sense_is_said(text: str, words: str) -> None:
    """The sentence says what is wrong."""
    with pytest.raises(SettingsError, match=words):
        parse_axis(text)


@given(st.lists(st.integers(0, 2**31 - 1), min_size=1, max_size=20))
def test_seeds_are_read_each_once_and_in_order(seeds: list[int]) -> None:
    """What is written twice is run once."""
    assert parse_seeds(", ".join(map(str, seeds))) == tuple(dict.fromkeys(seeds))


def test_ranges_of_seeds_include_both_ends_and_nonsense_is_said() -> None:
    """`0..4` are five; letters, negative numbers and ranges without an end are refused."""
    assert parse_seeds("7,0..4,3") == (7, 0, 1, 2, 3, 4)
    assert parse_seeds("") == ()
    for text in ("a", "-1", "1..", "0..100000"):
        with pytest.raises(SettingsError, match=r"no seed|more than"):
            parse_seeds(text)


def test_a_ready_sweep_on_a_base_that_clashes_is_said() -> None:
    """The original study varies its images, which frozen features do not allow: a sentence, not a trace."""
    base = TrainingConfig().model_copy(update={"fine_tuning": FineTuning.FROZEN})
    with pytest.raises(SettingsError, match="recipe `none`"):
        READY_SWEEPS[ReadySweep.ARCHITECTURES].request(Path(), base)
