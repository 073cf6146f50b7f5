"""Processes of their own, which can be killed for real: forked, so that none has to load the product again."""

from __future__ import annotations

import os
import traceback
from collections.abc import Callable
from contextlib import redirect_stdout
from pathlib import Path

from flask import has_app_context

from foundation.database import db


def in_child(work: Callable[[], object], told: Path = Path(os.devnull)) -> int:
    """Do something in a process of its own; its id. What it prints is in `told`.

    Our own connections are closed first: neither a file of SQLite nor a line to PostgreSQL may be held by both.
    """
    if has_app_context():
        db.session.rollback()
        db.engine.dispose()
    child = os.fork()
    if child:
        return child
    try:
        with told.open("w", buffering=1, encoding="utf-8") as out, redirect_stdout(out):
            try:
                work()
            except BaseException:
                traceback.print_exc(file=out)
                raise
    except BaseException:
        os._exit(1)
    os._exit(0)


def ended(child: int) -> int:
    """How a process ended: its exit code, or minus the signal that killed it."""
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
