"""Storage: tables, engine, states, migrations. Knows nothing of `core`; stores primitives and JSON."""
