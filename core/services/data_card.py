"""The data card: everything known of a dataset as one HTML file that needs no network."""

import html
from datetime import UTC, datetime

import plotly.graph_objects as go
from plotly.offline import get_plotlyjs

from core.figures import dataset as figures
from core.services.datasets import Dataset
from core.settings import NOTICE

STYLE = (
    "body{font-family:system-ui,sans-serif;max-width:1000px;margin:2rem auto;padding:0 1rem;line-height:1.45}"
    "table{border-collapse:collapse;margin:1rem 0}td,th{border:1px solid #8885;padding:.3rem .6rem;text-align:left}"
    "h2{margin-top:2rem}.problem{color:#b3261e}.warning{color:#9a5b00}.note{color:#1f5fa8}small{color:#666}"
)


def data_card(dataset: Dataset, *, is_synthetic: bool = False) -> str:
    """Return the card as HTML: counts, findings, shortcuts, shift, distributions, mean films."""
    films = dataset.films.assign(
        split=dataset.films["split"].fillna("no split"),
        label=dataset.films["label"].fillna("no label"),
        aspect=dataset.films["width"] / dataset.films["height"].clip(lower=1),
    )
    counts = films.groupby(["split", "label"]).size().rename("films").reset_index()
    shortcuts = dataset.audit.shortcuts
    drawn = [
        ("Films by split and class", figures.count_figure(counts)),
        (
            "What one property of the file alone gives away",
            figures.shortcut_figure([s.name for s in shortcuts], [s.auc for s in shortcuts]),
        ),
        *(
            (title, figures.histogram_figure(films, column, title, line))
            for column, title, line in (
                ("width", "Width, pixels", None),
                ("height", "Height, pixels", None),
                ("aspect", "Width / height", 1.0),
                ("brightness", "Mean grey", None),
                ("contrast", "Standard deviation of grey", None),
            )
        ),
    ]
    if dataset.means:
        drawn.append(("Mean films", figures.mean_figure(dataset.means)))
    parts = [
        f"<h1>Data card: {html.escape(dataset.root.name)}</h1>",
        "<p class='problem'><b>Synthetic: these films are drawn.</b></p>" if is_synthetic else "",
        f"<p>{html.escape(NOTICE)}</p>",
        _facts(dataset),
        "<h2>Findings</h2>",
        _findings(dataset),
        _shifts(dataset),
        *(f"<h2>{html.escape(title)}</h2>{_embedded(figure)}" for title, figure in drawn),
    ]
    return (
        f"<!doctype html><html lang='en'><head><meta charset='utf-8'><title>Data card</title><style>{STYLE}</style>"
        f"<script>{get_plotlyjs()}</script></head><body>{''.join(parts)}</body></html>"
    )


def _embedded(figure: go.Figure) -> str:
    return figure.to_html(full_html=False, include_plotlyjs=False, config={"displaylogo": False})


def _facts(dataset: Dataset) -> str:
    summary = dataset.summary
    rows = {
        "Fingerprint": dataset.fingerprint,
        "Files": f"{summary['num_images']:,}, of which {summary['num_usable']:,} usable",
        "Patients": f"{summary['num_patients']:,}",
        "Exact duplicates": f"{summary['num_exact_duplicates']:,}",
        "Written": f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
    }
    return _table(["", ""], [[name, value] for name, value in rows.items()])


def _findings(dataset: Dataset) -> str:
    if not dataset.audit.findings:
        return "<p>Nothing was found: no copies, leaks, shortcuts or odd files.</p>"
    return "".join(
        f"<h3 class='{finding.severity}'>{finding.severity}: {html.escape(finding.title)}</h3>"
        f"<p>{html.escape(finding.sentence)}<br><small>{html.escape(finding.advice)}</small></p>"
        for finding in dataset.audit.findings
    )


def _shifts(dataset: Dataset) -> str:
    if not dataset.audit.shifts:
        return ""
    rows = [
        [shift.label, f"{shift.num_train:,}", f"{shift.num_test:,}", "–" if shift.auc is None else f"{shift.auc:.3f}"]
        for shift in dataset.audit.shifts
    ]
    return "<h2>Train against test</h2>" + _table(["class", "train", "test", "AUC"], rows)


def _table(head: list[str], rows: list[list[str]]) -> str:
    def line(cells: list[str], tag: str) -> str:
        return "<tr>" + "".join(f"<{tag}>{html.escape(cell)}</{tag}>" for cell in cells) + "</tr>"

    return f"<table>{line(head, 'th') if any(head) else ''}{''.join(line(row, 'td') for row in rows)}</table>"
