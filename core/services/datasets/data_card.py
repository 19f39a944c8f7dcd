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
from core.language import current_language, tr, tr_n
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
    frame_in_words,
    named,
    ratio_table,
    rows_in_words,
    sample,
    sample_in_words,
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
    title = _text(tr("Data card: {dataset}", dataset=dataset.root.name))
    return (
        f"<!doctype html><html lang='{current_language()}'><head><meta charset='utf-8'><title>{title}</title>"
        f"<style>{STYLE}</style><script>{get_plotlyjs()}</script></head><body>{body}</body></html>"
    )


def _head(dataset: Dataset) -> Iterator[str]:
    summary = dataset.summary
    yield f"<h1>{_text(tr('Data card: {dataset}', dataset=dataset.root.name))}</h1>"
    if dataset.is_synthetic:
        yield f"<p class='problem'><b>{_text(tr('Synthetic: these images are drawn.'))}</b></p>"
    yield f"<p>{_text(tr(NOTICE))}</p>"
    usable = tr(
        "{num_images:,}, of which {num_usable:,} usable",
        num_images=summary["num_images"],
        num_usable=summary["num_usable"],
    )
    facts = {
        tr("Fingerprint"): dataset.fingerprint,
        tr("Files"): usable,
        tr("Left out"): f"{len(summary['problems']):,}",
        tr("Patients"): count_of_patients(summary),
        tr("Exact copies"): f"{summary['num_exact_duplicates']:,}",
        tr("Audit issues"): f"{len(dataset.audit.findings):,}",
        tr("Made"): tr("{when:%Y-%m-%d %H:%M} UTC", when=datetime.now(UTC)),
    }
    yield _rows([{"": name, " ": value} for name, value in facts.items()])


def _findings(dataset: Dataset) -> Iterator[str]:
    yield _heading(tr("Audit issues"))
    if not dataset.audit.findings:
        yield _paragraph(tr("Nothing was found: no copies, leaks, shortcuts or odd files."))
    for finding in dataset.audit.findings:
        title = tr("{severity}: {title}", severity=tr(finding.severity.value), title=finding.title)
        if finding.num_files:
            title = tr_n("{title} ({n:,} file)", "{title} ({n:,} files)", finding.num_files, title=title)
        yield f"<h3 class='{finding.severity}'>{_text(title)}</h3>"
        advice = tr("What to do: {advice}", advice=finding.advice)
        yield f"<p>{_text(finding.sentence)}<br><small>{_text(advice)}</small></p>"
        if finding.groups:
            is_cut = finding.num_files > MOST_FILES_LISTED
            first = tr("The first {n:,} files", n=MOST_FILES_LISTED) if is_cut else tr("Its files")
            yield f"<details><summary>{_text(first)}</summary>{_rows(rows_in_words(finding_rows(finding)))}</details>"


def _given_away(dataset: Dataset) -> Iterator[str]:
    shortcuts = dataset.audit.shortcuts
    yield _heading(tr("Shortcuts: the class predicted from one property of the file"))
    if any(one.auc is not None for one in shortcuts):
        yield _drawn(figures.shortcut_figure([one.name for one in shortcuts], [one.auc for one in shortcuts]))
        yield _small(tr("Cross-validated by patient; 0.5 says nothing, 1.0 gives the class away."))
        aucs = ["–" if one.auc is None else say_fraction(one.auc) for one in shortcuts]
        rows = [{"property": tr(one.name), "auc": auc} for one, auc in zip(shortcuts, aucs, strict=True)]
        yield _rows(rows_in_words(rows))
    else:
        yield _paragraph(tr("There are too few labelled images of one class to tell."))
    yield _heading(tr("Train–test shift"))
    if rows := shift_rows(dataset.audit.shifts):
        yield _rows(rows_in_words(rows))
        yield _small(tr("AUC 0.5: alike. Above 0.8 a threshold will not transfer fully."))
    else:
        yield _paragraph(tr("This dataset has no train and test folders."))


def _counts(films: pd.DataFrame) -> Iterator[str]:
    yield _heading(tr("Images by split and class"))
    if films.empty:
        yield _paragraph(tr("There is no usable image."))
        return
    yield _drawn(figures.count_figure(film_counts(films)))
    yield _frame(ratio_table(films))
    yield _frame(subtype_table(films))
    yield _drawn(figures.per_patient_figure(films_per_patient(films)))


def _films(desk: Desk, dataset: Dataset, films: pd.DataFrame) -> Iterator[str]:
    drawn = sample(films, SampleFilter(), 0)
    if len(drawn):
        yield f"{_heading(tr('Images drawn at random'))}<div class='films'>"
        for row in drawn.itertuples(index=False):
            caption = f"<figcaption>{_text(sample_in_words(row))}<br>{_text(str(row.file))}</figcaption>"
            yield f"<figure>{_picture(desk, dataset, str(row.file))}{caption}</figure>"
        yield "</div>"
    if dataset.means:
        yield _heading(tr("Mean images"))
        yield _drawn(figures.mean_figure(dataset.means))
        yield _small(tr("Means of up to 200 images of a class. Differences outside the lungs are not disease."))


def _picture(desk: Desk, dataset: Dataset, file: str) -> str:
    try:
        content, media_type = draw_thumbnail(read_film_bytes(desk, dataset.root / file, None))
    except PneumoDeskError:
        return _paragraph(tr("It cannot be read any more."))
    return f"<img alt='{_text(file)}' src='data:{media_type};base64,{base64.b64encode(content).decode()}'>"


def _properties(films: pd.DataFrame) -> Iterator[str]:
    if films.empty:
        return
    yield _heading(tr("Sizes and greys"))
    for column, title, line in figures.PROPERTIES:
        yield _drawn(figures.histogram_figure(films, column, title, line))
    yield _drawn(figures.size_figure(films))
    yield _frame(colour_mode_table(films))
    yield _frame(bit_depth_table(films))


def _splits(desk: Desk, dataset: Dataset) -> Iterator[str]:
    splits = list_splits(desk, dataset.fingerprint)
    yield _heading(tr("Saved splits"))
    yield _rows(rows_in_words(split_rows(splits))) if splits else _paragraph(tr("None was saved."))
    for saved in splits:
        yield f"<h3>{_text(saved.name)}</h3>"
        yield _frame(pd.DataFrame(saved.counts).T.fillna(0).astype(int).rename_axis("fold"))


def _drawn(figure: go.Figure) -> str:
    return figure.to_html(full_html=False, include_plotlyjs=False, config={"displaylogo": False})


def _frame(table: pd.DataFrame) -> str:
    return _rows(frame_in_words(table).reset_index().to_dict("records"))


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


def _heading(text: str) -> str:
    return f"<h2>{_text(text)}</h2>"


def _paragraph(text: str) -> str:
    return f"<p>{_text(text)}</p>"


def _small(text: str) -> str:
    return f"<p><small>{_text(text)}</small></p>"


def _text(text: str) -> str:
    return html.escape(text)
