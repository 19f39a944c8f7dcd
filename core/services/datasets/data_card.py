"""The data card: all that the Dataset page shows as one HTML file that needs no network."""

import base64
import html
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import pandas as pd
import plotly.graph_objects as go
from plotly.offline import get_plotlyjs

from core.errors import PneumoDeskError
from core.evaluation.proportions import say_fraction
from core.figures import dataset as figures
from core.services.datasets.dataset import Dataset
from core.services.datasets.indexing import count_of_patients
from core.services.datasets.splits import list_splits
from core.services.datasets.tables import (
    MOST_FILES_LISTED,
    SampleFilter,
    bit_depth_table,
    colour_mode_table,
    film_counts,
    films_per_patient,
    finding_rows,
    named,
    ratio_table,
    sample,
    shift_rows,
    split_rows,
    subtype_table,
)
from core.services.desk import Desk
from core.services.films.images import draw_thumbnail, read_film_bytes
from core.settings import NOTICE

STYLE = (
    "body{font-family:system-ui,sans-serif;max-width:1000px;margin:2rem auto;padding:0 1rem;line-height:1.45;"
    "color:#1c1c1c;background:#fff}"
    "table{border-collapse:collapse;margin:1rem 0}td,th{border:1px solid #8885;padding:.3rem .6rem;text-align:left}"
    "td{overflow-wrap:anywhere}h2{margin-top:2.5rem;border-bottom:1px solid #8885}h3{margin-bottom:.2rem}"
    ".problem{color:#b3261e}.warning{color:#8a5100}.note{color:#1f5fa8}small{color:#555}"
    ".films{display:grid;grid-template-columns:repeat(4,1fr);gap:12px}figure{margin:0}"
    ".films img{width:100%;aspect-ratio:1;object-fit:contain;background:#000}figcaption{font-size:.75rem}"
    "figcaption{overflow-wrap:anywhere}"
)


def data_card(desk: Desk, dataset: Dataset) -> str:
    """Return the card as HTML: findings, counts, sample images, sizes and greys, splits, with every figure."""
    films = named(dataset.films)
    body = "".join(
        [
            *_head(dataset),
            *_findings(dataset),
            *_given_away(dataset),
            *_counts(films),
            *_films(desk, dataset, films),
            *_properties(films),
            *_splits(desk, dataset),
        ]
    )
    return (
        f"<!doctype html><html lang='en'><head><meta charset='utf-8'><title>Data card: {_text(dataset.root.name)}"
        f"</title><style>{STYLE}</style><script>{get_plotlyjs()}</script></head><body>{body}</body></html>"
    )


def _head(dataset: Dataset) -> Iterator[str]:
    summary = dataset.summary
    yield f"<h1>Data card: {_text(dataset.root.name)}</h1>"
    if dataset.is_synthetic:
        yield "<p class='problem'><b>Synthetic: these images are drawn.</b></p>"
    yield f"<p>{_text(NOTICE)}</p>"
    facts = {
        "Fingerprint": dataset.fingerprint,
        "Files": f"{summary['num_images']:,}, of which {summary['num_usable']:,} usable",
        "Left out": f"{len(summary['problems']):,}",
        "Patients": count_of_patients(summary),
        "Exact duplicates": f"{summary['num_exact_duplicates']:,}",
        "Findings": f"{len(dataset.audit.findings):,}",
        "Written": f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
    }
    yield _rows([{"": name, " ": value} for name, value in facts.items()])


def _findings(dataset: Dataset) -> Iterator[str]:
    yield "<h2>Findings</h2>"
    if not dataset.audit.findings:
        yield "<p>Nothing was found: no copies, leaks, shortcuts or odd files.</p>"
    for finding in dataset.audit.findings:
        count = f" ({finding.num_files:,} files)" if finding.num_files else ""
        yield f"<h3 class='{finding.severity}'>{finding.severity}: {_text(finding.title)}{count}</h3>"
        yield f"<p>{_text(finding.sentence)}<br><small>What to do: {_text(finding.advice)}</small></p>"
        if finding.groups:
            first = f"The first {MOST_FILES_LISTED}" if finding.num_files > MOST_FILES_LISTED else "Its files"
            yield f"<details><summary>{first}</summary>{_rows(finding_rows(finding))}</details>"


def _given_away(dataset: Dataset) -> Iterator[str]:
    shortcuts = dataset.audit.shortcuts
    yield "<h2>What one property of the file alone gives away</h2>"
    if any(one.auc is not None for one in shortcuts):
        yield _drawn(figures.shortcut_figure([one.name for one in shortcuts], [one.auc for one in shortcuts]))
        yield "<p><small>Cross-validated by patient; 0.5 says nothing, 1.0 gives the class away.</small></p>"
        aucs = ["–" if one.auc is None else say_fraction(one.auc) for one in shortcuts]
        yield _rows([{"property": one.name, "AUC": auc} for one, auc in zip(shortcuts, aucs, strict=True)])
    else:
        yield "<p>There are too few labelled images of one class to tell.</p>"
    yield "<h2>Train against test</h2>"
    if rows := shift_rows(dataset.audit.shifts):
        yield _rows(rows)
        yield "<p><small>0.5: alike. Above 0.8 a threshold of training images will not transfer fully.</small></p>"
    else:
        yield "<p>This dataset has no train and test folders.</p>"


def _counts(films: pd.DataFrame) -> Iterator[str]:
    yield "<h2>Images by split and class</h2>"
    if films.empty:
        yield "<p>There is no usable image.</p>"
        return
    yield _drawn(figures.count_figure(film_counts(films)))
    yield _frame(ratio_table(films))
    yield _frame(subtype_table(films))
    yield _drawn(figures.per_patient_figure(films_per_patient(films)))


def _films(desk: Desk, dataset: Dataset, films: pd.DataFrame) -> Iterator[str]:
    drawn = sample(films, SampleFilter(), 0)
    if len(drawn):
        yield "<h2>Images drawn at random</h2><div class='films'>"
        for row in drawn.itertuples(index=False):
            words = _text(f"{row.label}, {row.split}, {row.width} × {row.height}")
            caption = f"<figcaption>{words}<br>{_text(str(row.file))}</figcaption>"
            yield f"<figure>{_picture(desk, dataset, str(row.file))}{caption}</figure>"
        yield "</div>"
    if dataset.means:
        yield f"<h2>Mean images</h2>{_drawn(figures.mean_figure(dataset.means))}"
        yield "<p><small>Of at most 200 images a class. What differs outside the lungs is no disease.</small></p>"


def _picture(desk: Desk, dataset: Dataset, file: str) -> str:
    try:
        content, media_type = draw_thumbnail(read_film_bytes(desk, dataset.root / file, None))
    except PneumoDeskError:
        return "<p>It cannot be read any more.</p>"
    return f"<img alt='{_text(file)}' src='data:{media_type};base64,{base64.b64encode(content).decode()}'>"


def _properties(films: pd.DataFrame) -> Iterator[str]:
    if films.empty:
        return
    yield "<h2>Sizes and greys</h2>"
    for column, title, line in figures.PROPERTIES:
        yield _drawn(figures.histogram_figure(films, column, title, line))
    yield _drawn(figures.size_figure(films))
    yield _frame(colour_mode_table(films))
    yield _frame(bit_depth_table(films))


def _splits(desk: Desk, dataset: Dataset) -> Iterator[str]:
    splits = list_splits(desk, dataset.fingerprint)
    yield "<h2>Saved splits</h2>"
    yield _rows(split_rows(splits)) if splits else "<p>None was saved.</p>"
    for saved in splits:
        yield f"<h3>{_text(saved.name)}</h3>"
        yield _frame(pd.DataFrame(saved.counts).T.fillna(0).astype(int).rename_axis("fold"))


def _drawn(figure: go.Figure) -> str:
    return figure.to_html(full_html=False, include_plotlyjs=False, config={"displaylogo": False})


def _frame(table: pd.DataFrame) -> str:
    return _rows(table.reset_index().to_dict("records"))


def _rows(rows: Sequence[Mapping[Any, Any]]) -> str:
    def line(cells: list[Any], tag: str) -> str:
        return "<tr>" + "".join(f"<{tag}>{_cell(cell)}</{tag}>" for cell in cells) + "</tr>"

    head = [name.strip() for name in map(str, rows[0])] if rows else []
    lines = [line(head, "th") if any(head) else "", *(line(list(row.values()), "td") for row in rows)]
    return f"<table>{''.join(lines)}</table>"


def _cell(value: Any) -> str:
    if value is None:
        return "–"
    return f"{value:,}" if isinstance(value, int) else _text(str(value))


def _text(text: str) -> str:
    return html.escape(text)
