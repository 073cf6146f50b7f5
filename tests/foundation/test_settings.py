"""A wrong setting refuses to start, is named, and is told what would be right."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from foundation.settings import WrongSetting, read_settings

SECRET = {"SECRET_KEY": "a-long-enough-secret"}
ROOT = Path(__file__).parents[2]


def test_with_a_secret_alone_everything_is_local(tmp_path):
    settings = read_settings(SECRET, root=tmp_path)
    assert settings.database_url == f"sqlite:///{tmp_path}/instance/palmares.db"
    assert settings.redis_url is None
    assert settings.mail_url is None
    assert settings.base_url == "http://127.0.0.1:5000"
    assert str(settings.timezone) == "Europe/Paris"
    assert settings.media_folder == tmp_path / "instance/media"
    assert settings.outbox_folder == tmp_path / "instance/outbox"
    assert settings.demonstration is False


def test_everything_can_be_set(tmp_path):
    settings = read_settings(
        SECRET
        | {
            "DATABASE_URL": "postgresql+psycopg://user:word@host/name",
            "REDIS_URL": "redis://host:6379/0",
            "PALMARES_MAIL_URL": "smtp://user:word@host:587",
            "PALMARES_BASE_URL": "https://palmares.example/",
            "PALMARES_TIMEZONE": "Europe/London",
            "PALMARES_MEDIA_URL": f"file://{tmp_path}/pictures",
            "PALMARES_INSTANCE": str(tmp_path / "here"),
            "PALMARES_DEMONSTRATION": "1",
        }
    )
    assert settings.database_url == "postgresql+psycopg://user:word@host/name"
    assert settings.base_url == "https://palmares.example"
    assert str(settings.timezone) == "Europe/London"
    assert settings.media_folder == tmp_path / "pictures"
    assert settings.demonstration is True


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SECRET_KEY", ""),
        ("SECRET_KEY", "short"),
        ("DATABASE_URL", "not an address"),
        ("DATABASE_URL", "mysql://host/name"),
        ("DATABASE_URL", "postgresql://host/name"),
        ("REDIS_URL", "http://host"),
        ("PALMARES_MAIL_URL", "mailto:someone"),
        ("PALMARES_BASE_URL", "palmares.example"),
        ("PALMARES_TIMEZONE", "Europe/Atlantis"),
        ("PALMARES_TIMEZONE", "../../etc/passwd"),
        ("PALMARES_MEDIA_URL", "ftp://host/pictures"),
        ("PALMARES_DEMONSTRATION", "perhaps"),
    ],
)
def test_a_wrong_setting_is_named(tmp_path, name, value):
    with pytest.raises(WrongSetting, match=f"^{name}: .+; write .+"):
        read_settings(SECRET | {name: value}, root=tmp_path)


def test_the_demonstration_makes_a_secret_and_keeps_it_to_itself(tmp_path):
    first = read_settings({"PALMARES_DEMONSTRATION": "1"}, root=tmp_path)
    assert first.secret_key == read_settings({"PALMARES_DEMONSTRATION": "1"}, root=tmp_path).secret_key
    kept = tmp_path / "instance/demonstration-secret"
    assert kept.stat().st_mode & 0o077 == 0


def test_the_product_does_not_start_on_a_wrong_setting(tmp_path):
    environment = os.environ | SECRET | {"PALMARES_TIMEZONE": "Europe/Atlantis", "PALMARES_INSTANCE": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-m", "flask", "--app", "app", "jobs", "list"],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
    )
    assert done.returncode != 0
    assert "PALMARES_TIMEZONE: 'Europe/Atlantis' is not a known time zone" in done.stderr
