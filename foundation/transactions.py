"""One write, one transaction: the door opens it, the operation never commits."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from foundation.database import db


@contextmanager
def transaction() -> Iterator[None]:
    """Everything written inside is committed together, or not at all.

    Whatever the session had read before is let go, so that the rows read inside are those of now: on SQLite the
    write lock is taken first (BEGIN IMMEDIATE); on PostgreSQL operations lock the rows they decide on. Opening a
    transaction inside another is a mistake of the door and raises RuntimeError.
    """
    session = db.session()
    if session.info.get("writing"):
        raise RuntimeError("a transaction is already open; only the door opens one")
    if session.new or session.dirty or session.deleted:
        raise RuntimeError("something was changed outside of a transaction")
    session.rollback()
    session.info["writing"] = True
    session.info["after_commit"] = []
    try:
        session.connection(execution_options={"writing": True})
        yield
        session.commit()
    except BaseException:
        session.rollback()
        raise
    finally:
        session.info["writing"] = False
        callbacks = session.info.pop("after_commit")
    for callback in callbacks:
        callback()


@contextmanager
def snapshot() -> Iterator[None]:
    """Everything read inside is as of one moment, however long it takes, and holds up no writer. Nothing is written."""
    session = db.session()
    session.rollback()
    # SQLite's readers see one moment by themselves (WAL); PostgreSQL has to be asked.
    options = {"isolation_level": "REPEATABLE READ"} if db.engine.dialect.name == "postgresql" else {}
    try:
        session.connection(execution_options=options)
        yield
    finally:
        session.rollback()


def after_commit(callback: Callable[[], None]) -> None:
    """Call `callback` once the present transaction has been committed; never when it fails."""
    callbacks = db.session().info.get("after_commit")
    if callbacks is None:
        raise RuntimeError("there is no open transaction to wait for")
    callbacks.append(callback)
