"""Files of a dataset that cannot be used, and images unlike the rest."""

import pandas as pd

from core.dataset.audit.findings import Finding, Severity, each_alone
from core.dataset_reasons import FilesLeftOut, MixedColourModes, OddShapes, TinyImages

SMALLEST_SIDE = 64
LARGEST_ASPECT = 2.5


def find_unusable_files(manifest: pd.DataFrame) -> list[Finding]:
    """Return one finding for each kind of problem that files have."""
    broken = manifest[manifest["problem"].notna()]
    return [
        Finding(
            f"file_{problem}",
            Severity.WARNING,
            FilesLeftOut(str(problem), len(rows)),
            each_alone(rows["file"].tolist()),
        )
        for problem, rows in broken.groupby("problem")
    ]


def find_odd_films(films: pd.DataFrame) -> list[Finding]:
    """Return findings about images of odd size, shape or colour mode among readable ones."""
    shorter, longer = films[["width", "height"]].min(axis=1), films[["width", "height"]].max(axis=1)
    common_mode = films["mode"].mode().iloc[0] if len(films) else None
    num_images = len(films)
    cases = (
        ("tiny_films", shorter < SMALLEST_SIDE, lambda count: TinyImages(count, num_images, SMALLEST_SIDE)),
        (
            "odd_shapes",
            longer > LARGEST_ASPECT * shorter,
            lambda count: OddShapes(count, num_images, LARGEST_ASPECT),
        ),
        (
            "mixed_colour_modes",
            films["mode"] != common_mode,
            lambda count: MixedColourModes(count, num_images, str(common_mode)),
        ),
    )
    return [
        Finding(code, Severity.NOTE, why(int(is_odd.sum())), each_alone(films.loc[is_odd, "file"].tolist()))
        for code, is_odd, why in cases
        if is_odd.any()
    ]
