"""Commands for the keys by which programs may ask the REST API."""

from typing import Annotated, Any

import typer

from core.cli.terminal import print_json, print_sentence, print_table
from core.language import mark, tr
from core.services.desk import open_desk
from core.services.desk.api_keys import ApiKey, Scope, list_keys, make_key, revoke_key
from core.services.desk.program_words import in_english

app = typer.Typer(help=tr("Keys for programs that ask the REST API."), no_args_is_help=True)
Json = Annotated[bool, typer.Option("--json", help=tr("Print one JSON document on standard output and nothing else."))]

MOMENT = mark("{when:%Y-%m-%d %H:%M} UTC")


@app.command("make")
def keys_make(
    name: Annotated[str, typer.Argument(help=tr("Whom or what the key is for."))],
    scope: Annotated[list[Scope], typer.Option("--scope", help=tr("What it opens; may be given more than once."))],
    days: Annotated[
        int | None, typer.Option("--days", min=1, max=3650, help=tr("Days until it ends by itself."))
    ] = None,
    as_json: Json = False,
) -> None:
    """Make a key and print it, this once; the desk keeps only its hash."""
    key, text = make_key(open_desk(), name, scope, days)
    if as_json:
        print_json({**_line(key), "key": text})
        return
    typer.echo(text)
    print_sentence(tr("This is the key {name!r}. Keep it now: it cannot be shown again.", name=key.name))


@app.command("list")
def keys_list(as_json: Json = False) -> None:
    """List all keys, newest first; none is shown itself."""
    rows = [_line(key) for key in list_keys(open_desk())]
    if as_json:
        print_json(rows)
    else:
        columns = ("id", "name", "scopes", "state", "created_at", "expires_at")
        print_table(
            rows, columns, tr("There are no keys yet: `python -m core keys make NAME --scope triage` makes one.")
        )


@app.command("revoke")
def keys_revoke(key: Annotated[str, typer.Argument(help=tr("The key's name or id."))]) -> None:
    """End a key for good."""
    revoked = revoke_key(open_desk(), key)
    print_sentence(tr("The key {name!r} opens nothing any more; servers notice within seconds.", name=revoked.name))


def _line(key: ApiKey) -> dict[str, Any]:
    return {
        "id": key.id,
        "name": key.name,
        "scopes": ", ".join(sorted(key.scopes)),
        "state": "valid" if key.is_valid else "revoked" if key.revoked_at else "expired",
        "created_at": in_english(MOMENT, when=key.created_at),
        "expires_at": in_english(MOMENT, when=key.expires_at) if key.expires_at else None,
    }
