"""Commands for the worklist: studies, agreement, findings as labels, the audit log."""

from pathlib import Path
from typing import Annotated

import typer

from core.cli.reading_tables import DISAGREEMENT_COLUMNS, STUDY_COLUMNS, shown_disagreement, shown_study
from core.cli.terminal import print_json, print_sentence, print_table
from core.language import tr, tr_n
from core.result_words import FINDINGS
from core.services.desk import open_desk

app = typer.Typer(help=tr("The worklist: studies, findings, audit log."), no_args_is_help=True)
Json = Annotated[bool, typer.Option("--json", help=tr("Print one JSON document on standard output and nothing else."))]
Who = Annotated[str | None, typer.Option("--as", help=tr("Who does it: named in the audit log."))]


@app.command("list")
def worklist_list(
    show_all: Annotated[bool, typer.Option("--all", help=tr("Also studies that were read."))] = False,
    batch: Annotated[str | None, typer.Option("--batch", help=tr("Only the studies of this batch."))] = None,
    as_json: Json = False,
) -> None:
    """List the studies of all batches or of one, in reading order."""
    from core.services.worklist.studies import Show, StudyFilter, load_worklist, select_studies

    asked = StudyFilter(show=Show.ALL if show_all else Show.TO_READ)
    placed = load_worklist(open_desk(), batch)
    studies = select_studies(placed, asked, None).assign(rules_version=placed.rules_version)
    columns = [
        "reading_id",
        "band",
        "probability",
        "status",
        "file",
        "waited_hours",
        "num_readers",
        "assigned_to",
        "reason",
        "study",
        "same_image_as",
        "is_lifted",
        "rules_version",
    ]
    studies = studies.astype(object).where(studies.notna(), None)
    if as_json:
        print_json(studies[columns].to_dict("records"))
    else:
        shown = [shown_study(row) for row in studies.to_dict("records")]
        print_table(shown, STUDY_COLUMNS, tr("There is nothing to read."))


@app.command("judge")
def worklist_judge(
    reading: Annotated[int, typer.Argument(help=tr("A reading's number."))],
    finding: Annotated[
        str,
        typer.Argument(help=tr("'pneumonia', 'no pneumonia', 'equivocal' or 'non-diagnostic', or its stored name.")),
    ],
    who: Who = None,
    note: Annotated[str, typer.Option("--note", help=tr("Saved with the finding."))] = "",
) -> None:
    """Save a finding on a study."""
    from core.errors import WorklistError
    from core.services.worklist.verdicts import Verdict, give_verdict

    by_word = {word: stored for stored, word in FINDINGS.items()}
    verdict = by_word.get(finding, finding)
    if verdict not in FINDINGS:
        *most, last = map(repr, by_word)
        raise WorklistError(
            tr("{finding!r} is no finding. Say {most} or {last}.", finding=finding, most=", ".join(most), last=last)
        )
    give_verdict(open_desk(), reading, who, Verdict(verdict), note)
    print_sentence(tr("Saved: {finding}.", finding=FINDINGS[verdict]))


@app.command("export")
def worklist_export(
    folder: Annotated[Path, typer.Argument(help=tr("A new folder for images and metadata.csv."))],
    who: Who = None,
) -> None:
    """Export the images whose readers agree, labelled, as a dataset."""
    from core.services.worklist.label_export import export_verdicts

    done = export_verdicts(open_desk(), who, folder)
    print_sentence(
        tr_n(
            "{n} image is in {folder}. Left out: {num_conflicting} on which readers differ, {num_undecided} that "
            "nobody decided, {num_missing} that are gone.",
            "{n} images are in {folder}. Left out: {num_conflicting} on which readers differ, {num_undecided} that "
            "nobody decided, {num_missing} that are gone.",
            done.num_films,
            folder=done.folder,
            num_conflicting=done.num_conflicting,
            num_undecided=done.num_undecided,
            num_missing=len(done.missing),
        )
    )


@app.command("audit")
def worklist_audit(
    who: Annotated[str, typer.Option("--who", help=tr("Only what this person did."))] = "",
    search: Annotated[str, typer.Option("--search", help=tr("Only what was done to files or batches so named."))] = "",
    as_json: Json = False,
) -> None:
    """Show who did what when, newest first."""
    from core.services.desk.audit_trail import AuditFilter, action_in_words, detail_in_words, list_events

    events = list_events(open_desk(), AuditFilter(actor=who, search=search, limit=None))
    if as_json:
        print_json([vars(event) for event in events])
    else:
        rows = [
            {**vars(event), "action": action_in_words(event.action), "detail": detail_in_words(event.detail)}
            for event in events
        ]
        print_table(rows, ("when", "who", "action", "subject", "detail"), tr("Nothing in the trail matches."))


@app.command("undo")
def worklist_undo(who: Who = None) -> None:
    """Undo the last finding of the acting reader; the one before it counts again."""
    from core.errors import WorklistError
    from core.services.desk.reader_names import checked_name
    from core.services.worklist.verdicts import last_verdict, undo_verdict

    desk = open_desk()
    reader = checked_name(who)
    last = last_verdict(desk, reader)
    if last is None:
        raise WorklistError(tr("{reader} has given no finding that could be undone.", reader=reader))
    undone = undo_verdict(desk, last.id, reader)
    print_sentence(tr("Undone: {finding} on study {study}.", finding=FINDINGS[undone.verdict], study=undone.study[:16]))


@app.command("assign")
def worklist_assign(
    studies: Annotated[
        list[str], typer.Argument(help=tr("Studies, each by its name in `list --json` or its beginning."))
    ],
    to: Annotated[str, typer.Option("--to", help=tr("The reader's name; nobody if left out."))] = "",
    who: Who = None,
) -> None:
    """Give studies to a reader, or take them back."""
    from core.services.worklist.studies import assign_studies, resolve_studies

    desk = open_desk()
    found = resolve_studies(desk, studies)
    assign_studies(desk, found, to or None, who)
    print_sentence(
        tr_n("{n} study assigned to {reader}.", "{n} studies assigned to {reader}.", len(found), reader=to)
        if to
        else tr_n("{n} study assigned to nobody.", "{n} studies assigned to nobody.", len(found))
    )


@app.command("agreement")
def worklist_agreement(
    batch: Annotated[str | None, typer.Option("--batch", help=tr("Only the studies of this batch."))] = None,
    as_json: Json = False,
) -> None:
    """Show how far model and readers agree, and on which studies they do not."""
    from core.services.worklist.agreement import EACH_STUDY_ALONE, report_agreement

    report = report_agreement(open_desk(), batch)
    document = report.document()
    if as_json:
        print_json(document)
        return
    columns = ("first", "second", "num_studies", "share_agreed", "kappa", "kappa_low", "kappa_high", "agreed")
    pairs = [
        {**pair, "kappa": tr("not defined") if pair["kappa"] is None else pair["kappa"]} for pair in document["pairs"]
    ]
    print_table(pairs, columns, tr("Nobody has read a study yet."))
    shares = ("reference", "sensitivity", "sensitivity_low", "sensitivity_high")
    print_table(document["against"], (*shares, "specificity", "specificity_low", "specificity_high"), "")
    differing = [shown_disagreement(row) for row in report.disagreements.to_dict("records")]
    print_table(differing, DISAGREEMENT_COLUMNS, "")
    print_sentence(
        " ".join(
            (
                tr_n("{n} study was read.", "{n} studies were read.", report.num_judged),
                tr_n("On {n} model and readers differ.", "On {n} model and readers differ.", len(differing)),
                tr(EACH_STUDY_ALONE),
            )
        )
    )


@app.command("rules")
def worklist_rules(
    changes: Annotated[
        list[str] | None,
        typer.Argument(help=tr("FIELD=VALUE, an empty value for none; without any the rules are shown.")),
    ] = None,
    who: Who = None,
    history: Annotated[bool, typer.Option("--history", help=tr("All versions, newest first."))] = False,
    as_json: Json = False,
) -> None:
    """Show the rules of the worklist, or change them: the new version counts for everybody, the old ones stay."""
    from core.services.worklist.rules import change_rules, current_rules, list_rules

    desk = open_desk()
    if changes:
        change_rules(desk, changes, who)
    versions = (list_rules(desk) or [current_rules(desk)]) if history else [current_rules(desk)]
    rows = [
        {"version": one.version, "author": one.author, "when": one.when, **one.rules.model_dump(mode="json")}
        for one in versions
    ]
    if as_json:
        print_json(rows if history else rows[0])
        return
    for row in rows:
        for name, value in row.items():
            typer.echo(f"{name}: {'–' if value in (None, '') else value}")
