"""Wiring: settings, extensions, blueprints, commands and the schedule. No business here."""

from __future__ import annotations

import importlib
from datetime import datetime
from pathlib import Path
from typing import Any

from flask import Flask
from flask.cli import AppGroup
from flask_login import LoginManager
from flask_migrate import Migrate
from werkzeug.middleware.proxy_fix import ProxyFix

from challenges import definition, vocabulary
from declarations import api as declarations_api
from declarations import jobs as declaration_jobs
from declarations.publishing import enrol_arrivals
from foundation import jobs as foundation_jobs
from foundation import localisation, logs, scheduler, web
from foundation.catalogues import compile_catalogues
from foundation.database import db
from foundation.pages import htmx
from foundation.settings import Settings, read_settings
from leaderboards import jobs as leaderboard_jobs
from network import jobs as network_jobs
from network.operations import people_arrived
from points import jobs as point_jobs
from portal import api as portal_api
from portal import jobs as portal_jobs
from rewards import api as rewards_api
from rewards import jobs as reward_jobs
from rewards.queries import reward_codes, reward_costs, reward_names

ROOT = Path(__file__).parent

# Packages from the top of the house down; each is asked for the files it has.
PACKAGES = (
    "portal",
    "insights",
    "rewards",
    "declarations",
    "badges",
    "leaderboards",
    "points",
    "challenges",
    "catalogue",
    "network",
    "foundation",
)

login_manager = LoginManager()
migrate = Migrate(directory=str(ROOT / "migrations"), render_as_batch=True, compare_type=True)


def create_app(settings: Settings | None = None) -> Flask:
    """Build the application. Raises WrongSetting when the environment cannot be used."""
    settings = settings or read_settings()
    app = Flask("app", root_path=str(ROOT), template_folder="templates", static_folder="static")
    app.config.update(
        SETTINGS=settings,
        SECRET_KEY=settings.secret_key,
        SQLALCHEMY_DATABASE_URI=settings.database_url,
        SQLALCHEMY_ENGINE_OPTIONS=_engine_options(settings.database_url),
        TIMEZONE=settings.timezone,
        BABEL_DEFAULT_LOCALE="fr",
        BABEL_DEFAULT_TIMEZONE=str(settings.timezone),
        BABEL_TRANSLATION_DIRECTORIES=str(ROOT / "translations"),
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_SECURE=settings.base_url.startswith("https://"),
        REMEMBER_COOKIE_HTTPONLY=True,
        REMEMBER_COOKIE_SAMESITE="Lax",
        REMEMBER_COOKIE_SECURE=settings.base_url.startswith("https://"),
        WTF_CSRF_TIME_LIMIT=None,
        MAX_CONTENT_LENGTH=12 * 1024 * 1024,
        RATELIMIT_STORAGE_URI=settings.redis_url or "memory://",
        RATELIMIT_HEADERS_ENABLED=True,
        **web.COMPRESSION,
    )
    app.session_interface = web.Sessions()
    if settings.proxies:
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=settings.proxies, x_proto=settings.proxies)  # type: ignore[method-assign]
    logs.configure(app)
    db.init_app(app)
    migrate.init_app(app, db)
    login_manager.init_app(app)
    web.csrf.init_app(app)
    app.after_request(web.security_headers)  # before the limiter's own, so that it runs after it
    web.limiter.init_app(app)
    web.compress.init_app(app)
    htmx.init_app(app)
    app.json.ensure_ascii = False  # type: ignore[attr-defined]
    compile_catalogues(ROOT / "translations")
    localisation.babel.init_app(app, locale_selector=localisation.choose_language)
    _register_packages(app)
    web.register_assets(app)
    web.register_errors(app)
    app.before_request(web.refuse_nul)
    return app


def _engine_options(url: str) -> dict[str, Any]:
    if url.startswith("sqlite"):
        return {"connect_args": {"check_same_thread": False, "timeout": 30}}
    return {"pool_pre_ping": True, "pool_size": 5, "max_overflow": 10}


def _register_packages(app: Flask) -> None:
    """Models first, so that every table is known; then pages, machines' addresses, commands and jobs.

    A package offers `blueprint` in views.py and api.py, `register(groups, app)` in commands.py,
    `context()` in views.py for templates, and a list JOBS in jobs.py.
    """
    groups: dict[str, AppGroup] = {}
    for package in reversed(PACKAGES):
        _load(package, "models")
    for package in PACKAGES:
        for role in ("views", "api"):
            module = _load(package, role)
            if module is not None:
                app.register_blueprint(module.blueprint)
        commands = _load(package, "commands")
        if commands is not None:
            commands.register(groups, app)
    for group in groups.values():
        app.cli.add_command(group)
    wiring(app)


def _load(package: str, role: str) -> Any:
    """The module package.role, or None when the package has no such file."""
    if not (ROOT / package / f"{role}.py").is_file():
        return None
    return importlib.import_module(f"{package}.{role}")


def wiring(app: Flask) -> None:
    """Connections that would otherwise point upwards: what a lower package announces, a higher one hears."""
    scheduler.SCHEDULE = SCHEDULE
    definition.REWARD_CODES = reward_codes
    vocabulary.REWARD_NAMES = reward_names
    vocabulary.REWARD_COSTS = reward_costs
    portal_api.DESCRIPTIONS = (declarations_api.description, rewards_api.description)
    people_arrived.connect(_enrol)


def _enrol(sender: Any, *, person_ids: list[int], at: datetime) -> None:
    enrol_arrivals(person_ids, at=at)


SCHEDULE: tuple[scheduler.Job, ...] = (
    scheduler.Job(
        "challenges.advance", "* * * * *", reward_jobs.advance_challenges, "starts, ends and closes what is due"
    ),
    scheduler.Job("leaderboards.yesterday", "5 * * * *", reward_jobs.remember_yesterday, "keeps yesterday's ranks"),
    scheduler.Job("points.expire", "5 * * * *", point_jobs.expire_lots, "lets wallet points go whose time is over"),
    scheduler.Job(
        "rewards.release", "*/5 * * * *", reward_jobs.release_held, "gives held awards whose agreement is back"
    ),
    scheduler.Job(
        "rewards.backtests", "* * * * *", reward_jobs.take_over_backtests, "works on backtests that fell silent"
    ),
    scheduler.Job(
        "rewards.forget", "20 3 * * *", reward_jobs.forget_backtests, "deletes backtests asked for 90 days ago"
    ),
    scheduler.Job("points.seal", "*/10 * * * *", point_jobs.seal_books, "chains new entries of the ledger"),
    scheduler.Job(
        "rewards.tell_providers", "* * * * *", reward_jobs.tell_providers, "hands approved orders to their provider"
    ),
    scheduler.Job("rewards.give_codes", "*/5 * * * *", reward_jobs.give_codes, "gives codes to vouchers that wait"),
    scheduler.Job("rewards.tell_waiting", "*/10 * * * *", reward_jobs.tell_waiting, "says what is in stock again"),
    scheduler.Job("rewards.ask_providers", "25 * * * *", reward_jobs.ask_providers, "asks after silent orders"),
    scheduler.Job(
        "rewards.forget_addresses", "35 3 * * *", reward_jobs.forget_addresses, "removes addresses of old orders"
    ),
    scheduler.Job(
        "declarations.forget_photos", "40 3 * * *", declaration_jobs.forget_photos, "lets go of photos without a sale"
    ),
    scheduler.Job("pictures.forget", "50 3 * * *", portal_jobs.forget_pictures, "removes pictures that nothing names"),
    scheduler.Job("mail.deliver", "* * * * *", foundation_jobs.deliver_mail, "sends the messages that are due"),
    scheduler.Job(
        "notices.overtaken", "40 * * * *", leaderboard_jobs.tell_who_was_overtaken, "says who was overtaken today"
    ),
    scheduler.Job("notices.digest", "*/10 * * * *", portal_jobs.send_digests, "writes the digest of the week"),
    scheduler.Job("notices.send", "* * * * *", network_jobs.send_notices, "sends notices to devices and by mail"),
    scheduler.Job("notices.forget", "25 3 * * *", network_jobs.forget_pushes, "removes pushes sent 30 days ago"),
    scheduler.Job("mail.forget", "15 3 * * *", foundation_jobs.forget_mail, "removes messages sent 30 days ago"),
)
