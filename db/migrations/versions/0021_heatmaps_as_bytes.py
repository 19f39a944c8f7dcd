"""What AI heatmaps are drawn from as bytes: height and width in two bytes each, then every cell as a 32-bit float."""

import struct
from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None

TABLES = {"reading": sa.Integer(), "prediction": sa.String()}
ROWS_AT_ONCE = 1000
SIZES = struct.Struct("<HH")


def upgrade() -> None:
    """Apply this step."""
    for name in TABLES:
        _replace(name, sa.JSON(), sa.LargeBinary(), _packed)


def downgrade() -> None:
    """Take this step back."""
    for name in TABLES:
        _replace(name, sa.LargeBinary(), sa.JSON(none_as_null=True), _cells)


def _replace(name: str, old: sa.types.TypeEngine[Any], new: sa.types.TypeEngine[Any], convert: Any) -> None:
    """Put a column of another type in the place of the old one, with what was in it converted."""
    # Added in place: the tables' indexes and references stay as they are.
    op.add_column(name, sa.Column("converted", new, nullable=True))
    columns = sa.column("id", TABLES[name]), sa.column("activation_map", old), sa.column("converted", new)
    table = sa.table(name, *columns)
    change = sa.update(table).where(table.c.id == sa.bindparam("row")).values(converted=sa.bindparam("map"))
    for rows in _pages(table):
        maps = [{"row": row.id, "map": convert(row.activation_map)} for row in rows if row.activation_map is not None]
        if maps:
            op.get_bind().execute(change, maps)
    op.drop_column(name, "activation_map")
    op.execute(f"ALTER TABLE {name} RENAME COLUMN converted TO activation_map")


def _pages(table: sa.TableClause) -> Iterator[list[Any]]:
    """Give the rows that have a map, not all at once: a desk may have a hundred thousand."""
    query = sa.select(table.c.id, table.c.activation_map).where(table.c.activation_map.is_not(None))
    query = query.order_by(table.c.id).limit(ROWS_AT_ONCE)
    rows = list(op.get_bind().execute(query))
    while rows:
        yield rows
        rows = list(op.get_bind().execute(query.where(table.c.id > rows[-1].id)))


def _packed(cells_hw: list[list[float]]) -> bytes | None:
    """Return a map's cells as bytes; None for one without cells, which was never drawn."""
    if not cells_hw:
        return None
    cells = [cell for row in cells_hw for cell in row]
    return SIZES.pack(len(cells_hw), len(cells_hw[0])) + struct.pack(f"<{len(cells)}f", *cells)


def _cells(packed: bytes) -> list[list[float]]:
    """Return a map's cells as numbers, as short as they were written before."""
    height, width = SIZES.unpack_from(packed)
    cells = [_short(cell) for cell in struct.unpack_from(f"<{height * width}f", packed, SIZES.size)]
    return [cells[width * row : width * (row + 1)] for row in range(height)]


def _short(cell: float) -> float:
    short = round(cell, 3)
    return short if struct.unpack("<f", struct.pack("<f", short))[0] == cell else cell
