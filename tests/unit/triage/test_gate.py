"""The gate lets images through that lie among the training images, and stops what lies far away."""

import numpy as np
import pytest

from core.triage.gate import Gate, fit_gate


@pytest.fixture
def embeddings_ND() -> np.ndarray:
    draw = np.random.default_rng(0)
    return np.abs(draw.normal(size=(1200, 8)) @ draw.normal(size=(8, 100)) + 5 + 0.1 * draw.normal(size=(1200, 100)))


@pytest.fixture
def gate(embeddings_ND: np.ndarray) -> Gate:
    return fit_gate(embeddings_ND[:1000], embeddings_ND[1000:], stopped_share=0.01)


def test_the_threshold_stops_the_stated_share(gate: Gate, embeddings_ND: np.ndarray) -> None:
    """Of two hundred validation images, one in a hundred is stopped, within one image."""
    assert abs((gate.distances(embeddings_ND[1000:]) > gate.threshold).sum() - 2) <= 1


def test_far_pictures_are_stopped(gate: Gate) -> None:
    """Embeddings from another distribution lie beyond the threshold."""
    foreign_ND = np.abs(np.random.default_rng(1).normal(size=(50, 100)))
    assert (gate.distances(foreign_ND) > gate.threshold).all()


def test_a_typical_film_lies_at_about_one(gate: Gate, embeddings_ND: np.ndarray) -> None:
    """The root mean square distance of the training images is near 1."""
    assert 0.7 < np.sqrt((gate.distances(embeddings_ND[:1000]) ** 2).mean()) < 1.3


def test_length_does_not_matter(gate: Gate, embeddings_ND: np.ndarray) -> None:
    """An embedding ten times as long, as a surer logit makes it, lies at the same distance."""
    assert np.allclose(gate.distances(embeddings_ND * 10), gate.distances(embeddings_ND), rtol=1e-6)


def test_a_checkpoint_keeps_the_gate(gate: Gate, embeddings_ND: np.ndarray) -> None:
    """Distances and threshold are the same after going through a checkpoint's arrays."""
    kept = Gate.from_arrays(gate.arrays())
    assert kept.threshold == gate.threshold
    assert np.allclose(kept.distances(embeddings_ND), gate.distances(embeddings_ND), rtol=1e-5)


def test_few_films_are_enough(embeddings_ND: np.ndarray) -> None:
    """A gate can be fitted on fewer images than it has directions."""
    small = fit_gate(embeddings_ND[:10], embeddings_ND[10:20])
    assert np.isfinite(small.distances(embeddings_ND)).all()


def test_turned_films_are_told_by_their_embeddings(embeddings_ND: np.ndarray) -> None:
    """Embeddings that differ in some direction are told, and of two hundred upright validation images none is taken."""
    turned_ND = embeddings_ND + np.where(np.arange(100) < 10, 4.0, 0.0)
    gate = fit_gate(embeddings_ND[:1000], embeddings_ND[1000:], turned_ND=turned_ND[:300])
    assert gate.are_turned(turned_ND[300:]).mean() > 0.99
    assert not gate.are_turned(embeddings_ND[1000:]).any()
    kept = Gate.from_arrays(gate.arrays())
    assert np.array_equal(kept.are_turned(turned_ND), gate.are_turned(turned_ND))


def test_where_nothing_tells_upright_from_turned_no_film_is_lost(embeddings_ND: np.ndarray) -> None:
    """Turned images with the same embeddings leave the upright validation images alone; so does a gate without them."""
    blind = fit_gate(embeddings_ND[:1000], embeddings_ND[1000:], turned_ND=embeddings_ND[:500])
    assert not blind.are_turned(embeddings_ND[1000:]).any()
    without = Gate.from_arrays(fit_gate(embeddings_ND[:1000], embeddings_ND[1000:]).arrays())
    assert without.orientation is None and not without.are_turned(embeddings_ND).any()
