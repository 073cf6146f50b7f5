"""The house of every test: a migrated database of its own, a client, the command line, the cast.

PALMARES_TEST_ENGINE=sqlite (default) or postgresql chooses the engine. The database is migrated once per run and then
copied for each test: a file on SQLite, CREATE DATABASE … TEMPLATE on a PostgreSQL that the run starts itself.
"""

from __future__ import annotations

import gc
import os
import shutil
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar
from zoneinfo import ZoneInfo

import flask_migrate
import pytest
from flask import Flask
from flask.testing import FlaskClient, FlaskCliRunner
from flask_login import login_user
from jinja2 import FileSystemBytecodeCache
from sqlalchemy import Dialect
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg
from sqlalchemy.dialects.sqlite.pysqlite import SQLiteDialect_pysqlite
from sqlalchemy.util import LRUCache
from werkzeug.routing import Rule

from app import create_app
from foundation.database import db
from foundation.settings import Settings
from network.models import Person
from tests import servers
from tests.cast import Cast, engage

FOLDER = "PALMARES_TEST_FOLDER"
ENGINES = ("sqlite", "postgresql")


def pytest_configure(config: pytest.Config) -> None:
    """One folder per run, shared by its processes."""
    if hasattr(config, "workerinput"):
        return
    if room_in_memory():
        # A database is copied for each test: the disk, not the processor, took most of the time on PostgreSQL.
        os.environ["TMPDIR"] = str(MEMORY)
        tempfile.tempdir = None
    os.environ[FOLDER] = tempfile.mkdtemp(prefix="palmares-tests-")
    config.stash[OWNS_FOLDER] = True


MEMORY = Path("/dev/shm")


def room_in_memory() -> bool:
    """Whether the files of a run fit in memory: 4 GB of a file system that is there for that."""
    return os.access(MEMORY, os.W_OK) and shutil.disk_usage(MEMORY).free > 4 * 1024**3


OWNS_FOLDER = pytest.StashKey[bool]()


def pytest_unconfigure(config: pytest.Config) -> None:
    """Stop what the run started and leave nothing behind."""
    if config.stash.get(OWNS_FOLDER, False):
        folder = Path(os.environ[FOLDER])
        servers.stop_postgresql(folder)
        servers.remove(folder)


def pytest_collection_finish() -> None:
    """What was loaded to run the tests stays to the end: going through it again and again finds nothing to throw away,
    and took a fifth of the time."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)


def pytest_report_header() -> str:
    """Say which engine is under test."""
    return f"database engine: {os.environ.get('PALMARES_TEST_ENGINE', 'sqlite')}"


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """What has nothing to do with a database runs once, with SQLite."""
    if os.environ.get("PALMARES_TEST_ENGINE", "sqlite") == "sqlite":
        return
    left_out = [item for item in items if item.get_closest_marker("any_engine")]
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if not item.get_closest_marker("any_engine")]


@pytest.fixture(scope="session")
def engine_name() -> str:
    """The engine under test: sqlite or postgresql."""
    name = os.environ.get("PALMARES_TEST_ENGINE", "sqlite")
    if name not in ENGINES:
        raise pytest.UsageError(f"PALMARES_TEST_ENGINE: {name!r} is not an engine; write sqlite or postgresql")
    return name


@pytest.fixture(scope="session")
def run_folder() -> Path:
    """The folder shared by all processes of this run."""
    return Path(os.environ[FOLDER])


def make_settings(database_url: str, folder: Path, **changes: Any) -> Settings:
    """Settings for a test: nothing from the environment, files under `folder`."""
    values: dict[str, Any] = {
        "database_url": database_url,
        "redis_url": None,
        "secret_key": "a-secret-for-tests-only",
        "mail_url": None,
        "base_url": "http://localhost",
        "timezone": ZoneInfo("Europe/Paris"),
        "media_folder": folder / "media",
        "instance_folder": folder,
        "demonstration": False,
        "codes_keys": ("YS1rZXktZm9yLXRlc3RzLW9ubHktLW9mLTMyLWJ5dGU=",),
    }
    return Settings(**(values | changes))


class KnownRule(Rule):
    """An address that is compiled once per run: it is most of what it takes to build an application."""

    compiled: ClassVar[dict[tuple[str, str, str], dict[str, Any]]] = {}

    def compile(self) -> None:
        """As in any application, or as it came out in the one before."""
        name = (self.rule, self.endpoint, repr((self.defaults, sorted(self.methods or ()))))
        if name not in self.compiled:
            super().compile()
            self.compiled[name] = {one: value for one, value in vars(self).items() if one != "map"}
        vars(self).update(self.compiled[name])


Flask.url_rule_class = KnownRule


# A statement is put into words once per run and kind of database, as in a server that has answered for a while, and not
# again for each application: SQLAlchemy keeps what it has compiled by the dialect, of which every engine has its own.
COMPILED: LRUCache[Any, Any] = LRUCache(2_000)


def _same_kind(self: Dialect, other: object) -> bool:
    return type(self) is type(other)


for kind in (SQLiteDialect_pysqlite, PGDialect_psycopg):
    kind.__eq__ = _same_kind  # type: ignore[method-assign]
    kind.__hash__ = lambda self: hash(type(self))  # type: ignore[method-assign]


def make_app(settings: Settings) -> Flask:
    """The application as in production, but that errors are shown to the test and forms need no token."""
    app = create_app(settings)
    app.config.update(TESTING=True, WTF_CSRF_ENABLED=False)
    app.error_handler_spec[None][None].pop(Exception, None)
    # Templates are compiled once per run, not once per test.
    compiled = Path(os.environ[FOLDER]) / "templates"
    compiled.mkdir(exist_ok=True)
    app.jinja_env.bytecode_cache = FileSystemBytecodeCache(str(compiled))
    app.test_client_class = Client
    app.test_cli_runner_class = Runner
    with app.app_context():
        db.engine.update_execution_options(compiled_cache=COMPILED)
    return app


@pytest.fixture(scope="session")
def template_database(engine_name: str, run_folder: Path) -> str:
    """A migrated, empty database to copy: a file's path, or a database's name."""
    with servers.only_one(run_folder, "template"):
        if engine_name == "sqlite":
            template = run_folder / "template.db"
            if not template.exists():
                being_made = run_folder / "being-made.db"
                _migrate(f"sqlite:///{being_made}", run_folder)
                being_made.rename(template)
            return str(template)
        address = servers.start_postgresql(run_folder)
        if not (run_folder / "template-made").exists():
            servers.administer(address, "CREATE DATABASE template_palmares")
            _migrate(address.format(database="template_palmares"), run_folder)
            (run_folder / "template-made").touch()
        return "template_palmares"


def _migrate(url: str, folder: Path) -> None:
    app = create_app(make_settings(url, folder))
    with app.app_context():
        flask_migrate.upgrade()
        if url.startswith("sqlite"):
            with db.engine.connect() as connection:
                connection.connection.driver_connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        db.engine.dispose()


@pytest.fixture
def database_url(engine_name: str, template_database: str, run_folder: Path, tmp_path: Path) -> Iterator[str]:
    """The address of a fresh migrated database, gone after the test."""
    with copied_database(engine_name, template_database, run_folder, tmp_path) as url:
        yield url


@contextmanager
def copied_database(engine_name: str, template_database: str, run_folder: Path, folder: Path) -> Iterator[str]:
    """The address of a copy of the migrated database; on SQLite a file in `folder`."""
    if engine_name == "sqlite":
        path = folder / "palmares.db"
        shutil.copy(template_database, path)
        yield f"sqlite:///{path}"
        return
    address = servers.start_postgresql(run_folder)
    name = f"test_{uuid.uuid4().hex}"
    servers.administer(address, f"CREATE DATABASE {name} TEMPLATE {template_database} STRATEGY FILE_COPY")
    yield address.format(database=name)
    servers.administer(address, f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def empty_database_url(engine_name: str, run_folder: Path, tmp_path: Path) -> Iterator[str]:
    """The address of a database without any table."""
    if engine_name == "sqlite":
        yield f"sqlite:///{tmp_path / 'empty.db'}"
        return
    address = servers.start_postgresql(run_folder)
    name = f"empty_{uuid.uuid4().hex}"
    servers.administer(address, f"CREATE DATABASE {name}")
    yield address.format(database=name)
    servers.administer(address, f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def settings(database_url: str, tmp_path: Path) -> Settings:
    """What the application under test is built from."""
    return make_settings(database_url, tmp_path)


@pytest.fixture
def app(settings: Settings) -> Iterator[Flask]:
    """The application on a fresh migrated database, its context pushed."""
    app = make_app(settings)
    with app.app_context():
        yield app
        db.session.remove()
        db.engine.dispose()


class Client(FlaskClient):
    """A browser without a window. After each request the test's own session lets go of what it had read.

    Each request has an application context of its own, as in production: who is signed in and which language is
    spoken are remembered there, and must not pass from one request to the next.
    """

    def open(self, *args: Any, **kwargs: Any) -> Any:
        """Send a request, as usual."""
        db.session.rollback()
        try:
            with self.application.app_context():
                return super().open(*args, **kwargs)
        finally:
            db.session.rollback()

    def sign_in(self, person: Person) -> None:
        """Be this person from now on, without the e-mail and the code."""
        with self.application.app_context(), self.application.test_request_context("/"):
            login_user(person)
            signed = {"_user_id": person.get_id(), "_fresh": True}
        with self.session_transaction() as session:
            session.update(signed)

    def sign_out(self) -> None:
        """Be nobody again."""
        with self.session_transaction() as session:
            session.clear()


class Runner(FlaskCliRunner):
    """The command line. `runner.run("jobs", "list")` fails the test when the command does not exit with `exits`."""

    def invoke(self, *args: Any, **kwargs: Any) -> Any:
        """Run a command, as usual."""
        db.session.rollback()
        try:
            return super().invoke(*args, **kwargs)
        finally:
            db.session.rollback()

    def run(self, *words: object, exits: int = 0, **kwargs: Any) -> Any:
        """Run a command from its words; the answer has .stdout, .stderr and .exit_code."""
        result = self.invoke(args=[str(word) for word in words], **kwargs)
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        assert result.exit_code == exits, f"{words} exited {result.exit_code}:\n{result.output}"
        return result


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    """A browser; `client.sign_in(cast.awa)` to be somebody."""
    return app.test_client()


@pytest.fixture
def runner(app: Flask) -> FlaskCliRunner:
    """The command line; `runner.run("jobs", "list")`."""
    return app.test_cli_runner()


@pytest.fixture
def cast(app: Flask) -> Cast:
    """A few named people (tests/cast.py), freshly written."""
    return engage()
