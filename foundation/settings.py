"""Settings come from the environment; a wrong value refuses to start and is named."""

from __future__ import annotations

import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError


class WrongSetting(ValueError):
    """A setting of the environment cannot be used; the message names it and says what would be right."""


@dataclass(frozen=True)
class Settings:
    """What the environment decides. `demonstration` lists demonstration people on the sign-in page; `proxies` is
    how many trusted proxies stand before the server and tell the visitor's address."""

    database_url: str
    redis_url: str | None
    secret_key: str
    mail_url: str | None
    base_url: str
    timezone: ZoneInfo
    media_folder: Path
    instance_folder: Path
    demonstration: bool
    proxies: int = 0

    @property
    def outbox_folder(self) -> Path:
        """Where messages are written when no mail server is configured."""
        return self.instance_folder / "outbox"


def read_settings(environment: Mapping[str, str] = os.environ, *, root: Path | None = None) -> Settings:
    """Read and check every setting. Raises WrongSetting naming the first variable that cannot be used."""
    root = root or Path.cwd()
    instance = Path(environment.get("PALMARES_INSTANCE", "") or root / "instance")
    instance.mkdir(parents=True, exist_ok=True)
    demonstration = _flag(environment, "PALMARES_DEMONSTRATION")
    return Settings(
        database_url=_database_url(environment, instance),
        redis_url=_address(environment, "REDIS_URL", ("redis", "rediss"), "redis://host:6379/0"),
        secret_key=_secret(environment, instance, demonstration),
        mail_url=_address(environment, "PALMARES_MAIL_URL", ("smtp", "smtps"), "smtp://host:25"),
        base_url=_address(environment, "PALMARES_BASE_URL", ("http", "https"), "https://palmares.example")
        or "http://127.0.0.1:5000",
        timezone=_timezone(environment),
        media_folder=_media(environment, instance),
        instance_folder=instance,
        demonstration=demonstration,
        proxies=_count(environment, "PALMARES_PROXIES", highest=10),
    )


def _flag(environment: Mapping[str, str], name: str) -> bool:
    value = environment.get(name, "").strip().lower()
    if value in ("", "0", "no", "false"):
        return False
    if value in ("1", "yes", "true"):
        return True
    raise WrongSetting(f"{name}: {value!r} is not yes or no; write 1 or 0")


def _count(environment: Mapping[str, str], name: str, *, highest: int) -> int:
    value = environment.get(name, "").strip() or "0"
    if not value.isdecimal() or int(value) > highest:
        raise WrongSetting(f"{name}: {value!r} is not a count; write a whole number from 0 to {highest}")
    return int(value)


def _database_url(environment: Mapping[str, str], instance: Path) -> str:
    value = environment.get("DATABASE_URL", "").strip()
    if not value:
        return f"sqlite:///{(instance / 'palmares.db').resolve()}"
    try:
        url = make_url(value)
    except ArgumentError as error:
        raise WrongSetting(f"DATABASE_URL: not an address of a database; write {_DATABASES}") from error
    if url.drivername not in ("sqlite", "postgresql+psycopg"):
        raise WrongSetting(f"DATABASE_URL: {url.drivername!r} is not supported; write {_DATABASES}")
    return value


_DATABASES = "sqlite:////path/to/file.db or postgresql+psycopg://user:password@host/name"


def _address(environment: Mapping[str, str], name: str, schemes: tuple[str, ...], example: str) -> str | None:
    value = environment.get(name, "").strip()
    if not value:
        return None
    parts = urlsplit(value)
    if parts.scheme not in schemes or not (parts.hostname or parts.path):
        raise WrongSetting(f"{name}: {value!r} is not an address of kind {' or '.join(schemes)}; write {example}")
    return value.rstrip("/")


def _secret(environment: Mapping[str, str], instance: Path, demonstration: bool) -> str:
    value = environment.get("SECRET_KEY", "")
    if value:
        if len(value) < 16:
            raise WrongSetting("SECRET_KEY: shorter than 16 characters; write a long random text")
        return value
    if not demonstration:
        raise WrongSetting(
            "SECRET_KEY: missing; write a long random text (or PALMARES_DEMONSTRATION=1 to try the product)"
        )
    kept = instance / "demonstration-secret"
    if not kept.exists():
        kept.write_text(secrets.token_urlsafe(48))
        kept.chmod(0o600)
    return kept.read_text()


def _timezone(environment: Mapping[str, str]) -> ZoneInfo:
    value = environment.get("PALMARES_TIMEZONE", "").strip() or "Europe/Paris"
    try:
        return ZoneInfo(value)
    except (ZoneInfoNotFoundError, ValueError) as error:
        raise WrongSetting(
            f"PALMARES_TIMEZONE: {value!r} is not a known time zone; write one such as Europe/Paris"
        ) from error


def _media(environment: Mapping[str, str], instance: Path) -> Path:
    value = environment.get("PALMARES_MEDIA_URL", "").strip()
    if not value:
        return instance / "media"
    parts = urlsplit(value)
    if parts.scheme == "file" or (not parts.scheme and value.startswith("/")):
        return Path(parts.path)
    raise WrongSetting(f"PALMARES_MEDIA_URL: {value!r} is not supported by this version; write file:///path/to/folder")
