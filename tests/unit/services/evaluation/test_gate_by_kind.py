"""Counting what is stopped before the model speaks, and drawing what is to be stopped."""

import socket
from dataclasses import replace

import numpy as np
import pytest

from core.errors import EvaluationError
from core.services.evaluation.gate_by_kind import count_stopped
from core.services.evaluation.non_film_images import drawn_pictures, other_modalities
from core.triage.deciding import OUT_OF_SCOPE
from core.triage.film_reading import FilmReading
from core.triage.priority import Priority, Status
from core.triage.scope import DOUBTFUL


def reading(status: Status, code: str) -> FilmReading:
    """Return a reading of this outcome."""
    return FilmReading("a.png", status, code, (), Priority.REVIEW)


def test_stopped_pictures_are_counted_by_hand() -> None:
    """One read, one stopped by the gate, one by the checks, one unreadable: three of four, one by the gate."""
    found = count_stopped(
        [
            reading(Status.READ, "normal"),
            reading(Status.REJECTED, OUT_OF_SCOPE),
            reading(Status.REJECTED, "noise"),
            reading(Status.FAILED, "truncated"),
        ]
    )
    assert (found.num_pictures, found.num_stopped, found.num_stopped_by_gate, found.stopped) == (4, 3, 1, 0.75)
    assert found.stopped_ci[0] < 0.75 < found.stopped_ci[1]
    with pytest.raises(EvaluationError, match="at least one"):
        count_stopped([])


def test_altered_films_are_compared_with_the_film_as_it_is() -> None:
    """Of five one is stopped, one under review, one has another finding, two have their image's."""
    findings = {str(number): "normal" for number in range(5)}
    outcomes = [
        (Status.REJECTED, "turned", None),
        (Status.READ, DOUBTFUL, "uncertain"),
        (Status.READ, "pneumonia", "pneumonia"),
        (Status.READ, "normal", "normal"),
        (Status.READ, "normal", "normal"),
    ]
    found = count_stopped(
        [
            replace(reading(status, code), file=f"/made/{number}.png", finding=finding)
            for number, (status, code, finding) in enumerate(outcomes)
        ],
        findings,
    )
    assert (found.num_stopped, found.num_turned, found.num_reviewed, found.num_changed) == (1, 1, 1, 1)
    assert count_stopped([reading(Status.READ, "normal")]).num_changed is None


def test_other_dicom_files_are_those_that_lie_here(monkeypatch: pytest.MonkeyPatch) -> None:
    """Files of many modalities are found without one attempt to reach another machine."""
    monkeypatch.setattr(socket, "getaddrinfo", lambda *asked, **more: pytest.fail(f"asked for {asked}"))
    found = other_modalities()
    assert len(found) > 50 and all(path.is_file() for path in found)


def test_drawn_pictures_are_of_three_kinds_and_the_same_for_a_seed() -> None:
    """Text, charts and noise come in turn, never blank, and again just so."""
    first, second = list(drawn_pictures(6, seed=4)), list(drawn_pictures(6, seed=4))
    assert [name.split("-")[0] for name, _ in first] == ["text", "chart", "noise"] * 2
    for (_, picture), (_, again) in zip(first, second, strict=True):
        assert np.asarray(picture).std() > 5 and (np.asarray(picture) == np.asarray(again)).all()
