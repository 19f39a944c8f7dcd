"""Files of a dataset that cannot be used, and images unlike the rest."""

import pandas as pd

from core.dataset.audit.findings import Finding, Severity, each_alone
from core.dataset.problems import FilmProblem

SMALLEST_SIDE = 64
LARGEST_ASPECT = 2.5


def find_unusable_files(manifest: pd.DataFrame) -> list[Finding]:
    """Return one finding for each kind of problem that files have."""
    broken = manifest[manifest["problem"].notna()]
    return [
        Finding(
            f"file_{problem}",
            Severity.WARNING,
            str(problem).replace("_", " ").capitalize(),
            f"Left out: {len(rows):,}. {_what_to_do(str(problem))}",
            "Mend or remove them, then index again; all others are used.",
            each_alone(rows["file"].tolist()),
        )
        for problem, rows in broken.groupby("problem")
    ]


def find_odd_films(films: pd.DataFrame) -> list[Finding]:
    """Return findings about images of odd size, shape or colour mode among readable ones."""
    shorter, longer = films[["width", "height"]].min(axis=1), films[["width", "height"]].max(axis=1)
    common_mode = films["mode"].mode().iloc[0] if len(films) else None
    cases = (
        ("tiny_films", "Very small images", shorter < SMALLEST_SIDE, f"have a side under {SMALLEST_SIDE} pixels"),
        (
            "odd_shapes",
            "Images of odd shape",
            longer > LARGEST_ASPECT * shorter,
            f"are over {LARGEST_ASPECT} times as long as wide, or the reverse",
        ),
        (
            "mixed_colour_modes",
            "Another colour mode",
            films["mode"] != common_mode,
            f"are stored otherwise than most (mode {common_mode})",
        ),
    )
    return [
        Finding(
            code,
            Severity.NOTE,
            title,
            f"{int(is_odd.sum()):,} of {len(films):,} images {what}.",
            "Look at them: if one class has more of these than the other, a model can tell the classes by it.",
            each_alone(films.loc[is_odd, "file"].tolist()),
        )
        for code, title, is_odd, what in cases
        if is_odd.any()
    ]


def _what_to_do(problem: str) -> str:
    return FilmProblem(problem).sentence if problem in set(FilmProblem) else "They cannot be read as pictures."
