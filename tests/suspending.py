"""Suspends a process of a desk where it holds up nothing but itself."""

import sqlite3
import time
from contextlib import closing

import psutil

from core.services.desk import Desk
from core.services.desk.backup import database_file


def suspend_between_writes(process: psutil.Process, desk: Desk) -> None:
    """Suspend a process at a moment at which it does not hold the database: nobody else could write until its end."""
    while True:
        process.suspend()
        with closing(sqlite3.connect(database_file(desk.settings), timeout=0)) as connection:
            try:
                connection.execute("BEGIN IMMEDIATE")
                connection.rollback()
                return
            except sqlite3.OperationalError:
                # By this process or by another: let it end what it writes.
                process.resume()
        time.sleep(0.01)
