"""The built wheel holds everything and serves the product outside of the checkout."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import sysconfig
import time
import urllib.error
import urllib.request
import venv
import zipfile
from pathlib import Path

import pytest

import app as wiring

pytestmark = pytest.mark.any_engine
ROOT = Path(__file__).parents[1]
SHIPPED = (*wiring.PACKAGES, "templates", "static", "migrations", "translations")
NOT_SHIPPED = (".po", ".json")  # of translations: the wheel has them compiled
OURS = ("PALMARES_", "DATABASE_URL", "REDIS_URL", "SECRET_KEY", "FLASK_", "PYTHON")


def checkout_files() -> list[str]:
    """What a clone holds, and what is about to be committed."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    )
    return sorted(name for name in set(listed.stdout.split("\0")) if name and (ROOT / name).is_file())


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    """The product, built from a copy of the checkout."""
    folder = tmp_path_factory.mktemp("wheel")
    for name in checkout_files():
        if name.startswith(("tests/", "benchmarks/", "docs/")):
            continue
        target = folder / "source" / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, target)
    subprocess.run(
        [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "-w", folder, "."],
        cwd=folder / "source",
        check=True,
    )
    [built] = folder.glob("palmares-*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory) -> Path:
    """The Python of a fresh environment that has the wheel, and sees the libraries of this one."""
    folder = tmp_path_factory.mktemp("installed")
    venv.create(folder, with_pip=False)
    site = Path(sysconfig.get_path("purelib", vars={"base": str(folder), "platbase": str(folder)}))
    (site / "libraries.pth").write_text(sysconfig.get_path("purelib") + "\n")
    subprocess.run(
        [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-compile", "--target", site, wheel],
        check=True,
    )
    return folder / "bin" / "python"


def test_the_wheel_holds_every_file_of_the_product(wheel):
    held = set(zipfile.ZipFile(wheel).namelist())
    expected = {
        name
        for name in checkout_files()
        if name.split("/")[0] in SHIPPED and not (name.startswith("translations/") and name.endswith(NOT_SHIPPED))
    }
    expected |= {"app.py", "translations/en/LC_MESSAGES/messages.mo", "translations/fr/LC_MESSAGES/messages.mo"}
    assert expected - held == set()


def test_the_wheel_holds_nothing_else(wheel):
    foreign = [
        name
        for name in zipfile.ZipFile(wheel).namelist()
        if name.split("/")[0] not in (*SHIPPED, "app.py") and ".dist-info/" not in name
    ]
    assert foreign == []


def fetched(url: str, language: str) -> str:
    request = urllib.request.Request(url, headers={"Accept-Language": language})
    with urllib.request.urlopen(request, timeout=20) as answer:
        assert answer.status == 200
        return answer.read().decode()


def test_the_wheel_serves_the_product_far_from_the_checkout(installed, tmp_path):
    environment = {name: value for name, value in os.environ.items() if not name.startswith(OURS)}
    environment |= {"SECRET_KEY": "a-secret-for-tests-only", "PALMARES_INSTANCE": str(tmp_path / "instance")}
    where = subprocess.run(
        [installed, "-c", "import app; print(app.ROOT)"],
        cwd=tmp_path,
        env=environment,
        check=True,
        capture_output=True,
        text=True,
    )
    assert not Path(where.stdout.strip()).is_relative_to(ROOT)
    upgrade = [installed, "-m", "flask", "--app", "app", "db", "upgrade"]
    subprocess.run(upgrade, cwd=tmp_path, env=environment, check=True)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [installed, "-m", "gunicorn", "--bind", f"127.0.0.1:{port}", "app:create_app()"]
    with subprocess.Popen(command, cwd=tmp_path, env=environment, stderr=subprocess.PIPE, text=True) as server:
        try:
            address = f"http://127.0.0.1:{port}"
            for _ in range(200):
                try:
                    french = fetched(f"{address}/sign-in", "fr")
                    break
                except (urllib.error.URLError, ConnectionError):
                    assert server.poll() is None, server.stderr.read()
                    time.sleep(0.1)
            else:
                pytest.fail("the server did not answer within 20 seconds")
            english = fetched(f"{address}/sign-in", "en")
            assert 'lang="fr"' in french
            assert 'lang="en"' in english
            assert "palmares.css" in french
            assert fetched(f"{address}/static/palmares.css", "fr") == (ROOT / "static/palmares.css").read_text()
        finally:
            server.terminate()
