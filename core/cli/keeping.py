"""Commands that keep the desk: backup, restore, deletion, retention."""

from pathlib import Path
from typing import Annotated

import typer

from core.cli.terminal import print_sentence, print_table
from core.language import mark, tr
from core.services.desk import open_desk
from core.settings import get_settings

Who = Annotated[str | None, typer.Option("--as", help=tr("Who does it: named in the audit log."))]


def backup(
    file: Annotated[Path, typer.Argument(help=tr("A new zip file."))],
    who: Who = None,
) -> None:
    """Keep the whole desk in one file; it may keep working meanwhile."""
    from core.services.desk.backup import back_up

    done = back_up(open_desk(), file, who)
    print_sentence(
        tr(
            "{file} holds {contents} and {num_files} files ({num_bytes:.1f} MB), read back and signed with this "
            "desk's key {key}. Keep a copy of that key elsewhere: `python -m core backup-key FILE`.",
            file=done.file,
            contents=_contents(done.rows),
            num_files=done.num_files,
            num_bytes=done.num_bytes / 1e6,
            key=done.key,
        )
    )


def backup_key(
    file: Annotated[Path, typer.Argument(help=tr("A new file for the key."))],
    who: Who = None,
) -> None:
    """Write the key that signs this desk's backups into a file, for the day when this machine is lost."""
    from core.services.desk.backup import export_key

    name = export_key(open_desk(), file, who)
    print_sentence(
        tr(
            "{file} holds the key {name}. With it `restore --key FILE` knows on any machine whether a backup of this "
            "desk was changed. Keep it apart from the backups: anyone who has both can change one unseen.",
            file=file,
            name=name,
        )
    )


def restore(
    file: Annotated[Path, typer.Argument(help=tr("A backup."))],
    replace: Annotated[
        bool, typer.Option("--replace", help=tr("Move what is in the home now into a folder beside it."))
    ] = False,
    key: Annotated[
        Path | None,
        typer.Option("--key", help=tr("The key of the desk that made the backup, where this home has not got it.")),
    ] = None,
    accept_unverified: Annotated[
        bool,
        typer.Option(
            "--accept-unverified",
            help=tr(
                "Restore although no key vouches for the backup. RISK: anyone who changed it decides what readers "
                "said, which model analyses and at which threshold. Keys of programs are revoked."
            ),
        ),
    ] = False,
    who: Who = None,
) -> None:
    """Bring a backup back into PNEUMODESK_HOME, upgraded to this version; stop the desk before."""
    from core.services.desk.restoring import RestoreRequest
    from core.services.desk.restoring import restore as bring_back

    settings = get_settings()
    done = bring_back(settings, RestoreRequest(file, replace, key, accept_unverified), who)
    print_sentence(
        tr(
            "The desk of {made_at} is back in {home}, with {contents} and {num_files} files.",
            made_at=done.made_at,
            home=settings.home,
            contents=_contents(done.rows),
            num_files=done.num_files,
        )
    )
    if not done.is_verified:
        print_sentence(
            tr(
                "UNVERIFIED: no key vouches for this backup; {num_changed} of them are not what it lists; "
                "{num_revoked} keys of programs were revoked.",
                num_changed=done.num_changed,
                num_revoked=done.num_revoked,
            )
            if done.num_changed
            else tr(
                "UNVERIFIED: no key vouches for this backup; {num_revoked} keys of programs were revoked.",
                num_revoked=done.num_revoked,
            )
        )


def _contents(rows: dict[str, int]) -> str:
    shown = {
        "batch": mark("batches"),
        "reading": mark("images"),
        "verdict": mark("findings of readers"),
        "run": mark("runs"),
    }
    return ", ".join(f"{rows.get(table, 0):,} {tr(name)}" for table, name in shown.items())


def delete(
    batch: Annotated[str, typer.Argument(help=tr("A batch's id."))],
    name: Annotated[
        str, typer.Option("--name", help=tr("The batch's name, so that no other is deleted by mistake."))
    ] = "",
    who: Who = None,
) -> None:
    """Delete a batch with its uploaded images; images in other folders stay. For a day `undelete` brings it back."""
    from core.services.worklist.deletion import delete_batch

    done = delete_batch(open_desk(), batch, name, who)
    print_sentence(
        tr(
            "Deleted {title!r}: {contents}. For a day `python -m core undelete {batch}` restores it.",
            title=done.title,
            contents=done.words,
            batch=batch,
        )
    )


def undelete(
    batch: Annotated[
        str | None, typer.Argument(help=tr("A batch's id; left out, all deleted ones are listed."))
    ] = None,
    who: Who = None,
) -> None:
    """Restore a batch that was deleted within a day, with all that readers said."""
    from core.services.worklist.deletion import list_deleted, restore_batch

    desk = open_desk()
    if batch is None:
        rows = [{**vars(one), "gone_at": one.gone_at} for one in list_deleted(desk)]
        print_table(
            rows, ("id", "title", "num_files", "deleted_at", "gone_at"), tr("Nothing was deleted within a day.")
        )
        return
    print_sentence(tr("The batch {batch} is on the desk again.", batch=restore_batch(desk, batch, who)))
