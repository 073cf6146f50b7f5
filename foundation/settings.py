"""Settings come from the environment; a wrong value refuses to start and is named."""

from __future__ import annotations

import base64
import binascii
import hashlib
import os
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError


class WrongSetting(ValueError):
    """A setting of the environment cannot be used; the message names it and says what would be right."""


# Where browsers have their pushes brought: Chromium, Firefox, Safari, Edge. A leading dot stands for what comes before.
PUSH_SERVICES = (
    "fcm.googleapis.com",
    ".push.services.mozilla.com",
    ".push.apple.com",
    ".notify.windows.com",
)
# The secret numbers of the curve P-256 are below this one.
P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551


@dataclass(frozen=True)
class Settings:
    """What the environment decides. `demonstration` lists demonstration people on the sign-in page; `proxies` is
    how many trusted proxies stand before the server and tell the visitor's address.

    `codes_keys` are the keys of voucher codes, the newest first; none: no codes can be kept. The provider of rewards,
    when there is one, answers at `provider_url`, knows us by `provider_token` and signs its messages with
    `provider_secret`.

    `push_key` signs pushes (VAPID), none: no pushes are offered; they go to the services named by `push_services` only.
    """

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
    codes_keys: tuple[str, ...] = ()
    provider_url: str | None = None
    provider_token: str = ""
    provider_secret: str = ""
    push_key: str | None = None
    push_services: tuple[str, ...] = PUSH_SERVICES

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
    secret_key = _secret(environment, instance, demonstration)
    provider_url = _address(environment, "PALMARES_PROVIDER_URL", ("http", "https"), "https://provider.example/api")
    return Settings(
        database_url=_database_url(environment, instance),
        redis_url=_address(environment, "REDIS_URL", ("redis", "rediss"), "redis://host:6379/0"),
        secret_key=secret_key,
        mail_url=_address(environment, "PALMARES_MAIL_URL", ("smtp", "smtps"), "smtp://host:25"),
        base_url=_address(environment, "PALMARES_BASE_URL", ("http", "https"), "https://palmares.example")
        or "http://127.0.0.1:5000",
        timezone=_timezone(environment),
        media_folder=_media(environment, instance),
        instance_folder=instance,
        demonstration=demonstration,
        proxies=_count(environment, "PALMARES_PROXIES", highest=10),
        codes_keys=_codes_keys(environment, secret_key if demonstration else None),
        provider_url=provider_url,
        provider_token=_long_enough(environment, "PALMARES_PROVIDER_TOKEN", needed=provider_url is not None),
        provider_secret=_webhook_secret(environment, needed=provider_url is not None),
        push_key=_push_key(environment),
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


def _codes_keys(environment: Mapping[str, str], secret_key: str | None) -> tuple[str, ...]:
    """The keys of voucher codes, the newest first; in demonstration one comes from the secret key."""
    value = environment.get("PALMARES_CODES_KEY", "").strip()
    if not value:
        if secret_key is None:
            return ()
        return (base64.urlsafe_b64encode(hashlib.sha256(f"codes:{secret_key}".encode()).digest()).decode(),)
    keys = tuple(key.strip() for key in value.split(","))
    for key in keys:
        if len(_decoded(key, base64.urlsafe_b64decode)) != 32:
            raise WrongSetting(
                "PALMARES_CODES_KEY: not a key; write 32 random bytes in base64 with - and _, as `openssl rand "
                "-base64 32 | tr +/ -_` prints them (the newest first, a comma between two)"
            )
    return keys


def _long_enough(environment: Mapping[str, str], name: str, *, needed: bool) -> str:
    value = environment.get(name, "").strip()
    if (value or needed) and len(value) < 16:
        raise WrongSetting(f"{name}: shorter than 16 characters; write the secret agreed with the provider")
    return value


def _webhook_secret(environment: Mapping[str, str], *, needed: bool) -> str:
    value = environment.get("PALMARES_PROVIDER_SECRET", "").strip()
    if (value or needed) and len(_decoded(value.removeprefix("whsec_"), base64.b64decode)) < 24:
        raise WrongSetting(
            "PALMARES_PROVIDER_SECRET: not a secret for signatures; write whsec_ and at least 24 random bytes in base64"
        )
    return value


def _push_key(environment: Mapping[str, str]) -> str | None:
    value = environment.get("PALMARES_VAPID_PRIVATE_KEY", "").strip().rstrip("=")
    if not value:
        return None
    key = _decoded(value + "=" * (-len(value) % 4), base64.urlsafe_b64decode)
    if len(key) != 32 or not 0 < int.from_bytes(key, "big") < P256_ORDER:
        raise WrongSetting(
            "PALMARES_VAPID_PRIVATE_KEY: not a key for pushes; write one that `flask notices key` prints"
        )
    return value


def _decoded(text: str, decode: Callable[[bytes], bytes]) -> bytes:
    """The bytes behind base64; none when it is not base64."""
    try:
        return decode(text.encode("ascii"))
    except (ValueError, binascii.Error):
        return b""


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
