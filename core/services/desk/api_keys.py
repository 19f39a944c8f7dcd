"""Keys by which programs show who they are: named, scoped, revocable; the desk keeps only a hash of each.

A key is `pd_ID_SECRET`. The secret is 256 random bits, so that a plain hash of it cannot be guessed back.
"""

import hashlib
import hmac
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import select

from core.errors import InputNotFoundError, SettingsError
from core.language import tr
from core.services.desk.opening import Desk
from db import models as tables
from db.base import utc_now

PREFIX = "pd"
ID_BYTES = 5
SECRET_BYTES = 32
LONGEST_NAME = 100
LONGEST_KEY = 200


class Scope(StrEnum):
    """What a key opens; `triage` and `train` let their holder read as well."""

    READ = "read"
    TRIAGE = "triage"
    TRAIN = "train"


@dataclass(frozen=True)
class ApiKey:
    """A key as lists show it: everything but its secret."""

    id: str
    name: str
    scopes: frozenset[Scope]
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None

    @property
    def is_valid(self) -> bool:
        """Whether it opens anything at this moment."""
        return self.revoked_at is None and (self.expires_at is None or utc_now() < self.expires_at)

    def may(self, scope: Scope) -> bool:
        """Return whether the key opens what needs this scope."""
        return scope in self.scopes or (scope is Scope.READ and bool(self.scopes))


def make_key(desk: Desk, name: str, scopes: Sequence[Scope], days: int | None = None) -> tuple[ApiKey, str]:
    """Return a new key and its text, which is shown this once; raises SettingsError for a name that is taken."""
    name = name.strip()
    if not name or len(name) > LONGEST_NAME or not name.isprintable():
        raise SettingsError(
            tr(
                "A key needs a name of 1 to {longest} printable characters: whom or what it is for.",
                longest=LONGEST_NAME,
            )
        )
    if not scopes:
        raise SettingsError(tr("A key needs a scope: {scopes}.", scopes=", ".join(Scope)))
    secret = secrets.token_urlsafe(SECRET_BYTES)
    row = tables.ApiKey(
        id=secrets.token_hex(ID_BYTES),
        name=name,
        secret_hash=_hash(secret),
        scopes=",".join(sorted({Scope(scope).value for scope in scopes})),
        created_at=utc_now(),
        expires_at=utc_now() + timedelta(days=days) if days else None,
    )
    with desk.transaction() as session:
        same = select(tables.ApiKey.id).where(tables.ApiKey.name == name, tables.ApiKey.revoked_at.is_(None))
        if session.scalar(same.limit(1)):
            raise SettingsError(
                tr("There is a key called {name!r} already: revoke it first, or choose another name.", name=name)
            )
        session.add(row)
    return _from_row(row), f"{PREFIX}_{row.id}_{secret}"


def list_keys(desk: Desk) -> list[ApiKey]:
    """Return all keys, newest first, revoked ones too."""
    with desk.reading() as session:
        rows = session.scalars(select(tables.ApiKey).order_by(tables.ApiKey.created_at.desc(), tables.ApiKey.id))
        return [_from_row(row) for row in rows]


def revoke_key(desk: Desk, name_or_id: str) -> ApiKey:
    """End a key for good; it stays on the list. Raises InputNotFoundError if no valid key is called so."""
    with desk.transaction() as session:
        row = session.scalar(
            select(tables.ApiKey).where(
                tables.ApiKey.revoked_at.is_(None),
                (tables.ApiKey.name == name_or_id) | (tables.ApiKey.id == name_or_id),
            )
        )
        if row is None:
            raise InputNotFoundError(
                tr(
                    "There is no unrevoked key {name_or_id!r}. `keys list` shows the keys there are.",
                    name_or_id=name_or_id,
                )
            )
        row.revoked_at = utc_now()
        session.flush()
        return _from_row(row)


def find_key(desk: Desk, text: str) -> ApiKey | None:
    """Return the valid key that a text is, None for any other text; the comparison takes the same time for all."""
    prefix, _, rest = text.partition("_")
    key_id, _, secret = rest.partition("_")
    if prefix != PREFIX or len(text) > LONGEST_KEY or not key_id.isascii() or not secret:
        return None
    with desk.reading() as session:
        row = session.get(tables.ApiKey, key_id)
        if row is None or not hmac.compare_digest(row.secret_hash, _hash(secret)):
            return None
        key = _from_row(row)
    return key if key.is_valid else None


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode("utf-8", "replace")).hexdigest()


def _from_row(row: tables.ApiKey) -> ApiKey:
    scopes = frozenset(Scope(scope) for scope in row.scopes.split(","))
    return ApiKey(row.id, row.name, scopes, row.created_at, row.expires_at, row.revoked_at)
