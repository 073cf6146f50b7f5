"""Judge the pages a reseller opens first with Lighthouse, in Debian's Chromium, as a phone of the middle range.

    python -m benchmarks.lighthouse.run [--language fr|en] [--runs 3]

Makes a demonstration in a folder of its own, serves it as in production on a free port, signs in as Camille and asks
for each page with an empty cache: mobile profile, simulated slow network and processor. Performance is the median of
the runs; accessibility and best practices must hold in each. The reports are kept in build/lighthouse/. Exit status 1
when a score is below what is asked for.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import requests

ROOT = Path(__file__).parents[2]
LIGHTHOUSE = Path(__file__).parent / "node_modules" / "lighthouse" / "cli" / "index.js"
REPORTS = ROOT / "build" / "lighthouse"
WHO = "Camille Morvan"
PAGES = {"home": "/", "declare": "/declare", "ranking": "/ranking", "sign-in": "/sign-in"}
FOR_VISITORS = {"sign-in"}
LEAST = {"performance": 95, "accessibility": 100, "best-practices": 95}
CHROMIUM = "--headless=new --no-sandbox --disable-gpu --disable-quic --no-first-run"


@contextmanager
def served_demonstration(folder: Path) -> Iterator[str]:
    """The address of a new demonstration, served from this folder meanwhile."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    address = f"http://127.0.0.1:{port}"
    environment = os.environ | {
        "PALMARES_DEMONSTRATION": "1",
        "PALMARES_INSTANCE": str(folder),
        "PALMARES_BASE_URL": address,
        "DATABASE_URL": f"sqlite:///{folder}/palmares.db",
    }
    print("Making the demonstration network", flush=True)
    for command in (["db", "upgrade"], ["demo"]):
        flask = [sys.executable, "-m", "flask", "--app", "app", *command]
        subprocess.run(flask, cwd=ROOT, env=environment, check=True, stdout=subprocess.DEVNULL)
    print(flush=True)  # the command told its progress on one line
    gunicorn = ["-m", "gunicorn", "--bind", f"127.0.0.1:{port}", "--threads", "8", "--log-level", "warning"]
    server = subprocess.Popen([sys.executable, *gunicorn, "app:create_app()"], cwd=ROOT, env=environment)
    try:
        for _ in range(300):
            try:
                requests.get(f"{address}/sign-in", timeout=10).raise_for_status()
                break
            except requests.ConnectionError:
                if server.poll() is not None:
                    raise SystemExit("the server did not start") from None
                time.sleep(0.1)
        yield address
    finally:
        server.terminate()
        server.wait()


def visitor(address: str, language: str) -> requests.Session:
    """Somebody who chose a language on the sign-in page."""
    browser = requests.Session()
    _press(browser, address, "/language", language=language)
    return browser


def signed_in(address: str, language: str) -> requests.Session:
    """The session of the demonstration's reseller."""
    browser = visitor(address, language)
    page = browser.get(f"{address}/sign-in", timeout=10).text
    codes = re.findall(rf'name="person" value="([^"]+)"(?:(?!</form>).)*{WHO}', page, re.S)
    if not codes:
        raise SystemExit(f"the sign-in page does not offer {WHO}")
    _press(browser, address, "/sign-in/demonstration", person=codes[0])
    return browser


def _press(browser: requests.Session, address: str, action: str, **fields: str) -> None:
    page = browser.get(f"{address}/sign-in", timeout=10).text
    [token] = set(re.findall(r'name="csrf-token" content="([^"]+)"', page))
    browser.post(f"{address}{action}", data={"csrf_token": token} | fields, timeout=10).raise_for_status()


def audit(url: str, browser: requests.Session, kept: Path) -> dict[str, Any]:
    """One report of Lighthouse on this page, kept as HTML and JSON too."""
    headers = kept.with_suffix(".headers")
    headers.write_text(json.dumps({"Cookie": "; ".join(f"{one.name}={one.value}" for one in browser.cookies)}))
    command = ["node", str(LIGHTHOUSE), url, "--quiet", "--no-enable-error-reporting", f"--chrome-flags={CHROMIUM}"]
    command += [f"--extra-headers={headers}", "--output=json", "--output=html", f"--output-path={kept}"]
    command += [f"--only-categories={','.join(LEAST)}"]
    environment = os.environ | {"CHROME_PATH": shutil.which("chromium") or ""}
    try:
        # On a busy machine a recording now and then misses its beginning; Lighthouse says so and asks to be run again.
        if not any(_looked(command, environment) for _ in range(3)):
            raise SystemExit(f"Lighthouse could not look at {url}")
    finally:
        headers.unlink()  # the report lasts, the session need not
    report: dict[str, Any] = json.loads(kept.with_name(f"{kept.name}.report.json").read_text(encoding="utf-8"))
    if "/sign-in" in report["finalDisplayedUrl"] and "/sign-in" not in url:
        raise SystemExit(f"{url} asked to sign in")
    return report


def _looked(command: list[str], environment: dict[str, str]) -> bool:
    lighthouse = subprocess.Popen(command, env=environment)
    try:
        return lighthouse.wait() == 0
    except BaseException:
        lighthouse.send_signal(signal.SIGINT)  # the one signal at which it closes its browser
        lighthouse.wait()
        raise


def score(report: dict[str, Any], category: str) -> int:
    """The score of a report, out of 100."""
    return round(100 * report["categories"][category]["score"])


def faults(report: dict[str, Any], category: str) -> list[str]:
    """What costs a report points: the name, the title and the measure of each audit."""
    weights = {ref["id"]: ref["weight"] for ref in report["categories"][category]["auditRefs"]}
    wrong = (report["audits"][name] for name, weight in weights.items() if weight)
    return [
        f"{one['id']}: {one['title']} {one.get('displayValue', '')}".rstrip()
        for one in wrong
        if one["score"] is not None and one["score"] < 0.9
    ]


def judge(address: str, language: str, runs: int) -> bool:
    """Print the scores of each page; whether all are as high as asked for."""
    sessions = {True: visitor(address, language), False: signed_in(address, language)}
    high_enough = True
    print(f"{'':<10}" + "".join(f"{category:>16}" for category in LEAST) + f"{'first paint':>14}{'largest':>10}")
    for name, path in PAGES.items():
        reports = [
            audit(f"{address}{path}", sessions[name in FOR_VISITORS], REPORTS / f"{name}-{language}-{run}")
            for run in range(1, runs + 1)
        ]
        reports.sort(key=lambda report: score(report, "performance"))
        median = reports[len(reports) // 2]
        told = {
            category: median if category == "performance" else min(reports, key=lambda one: score(one, category))
            for category in LEAST
        }
        times = (median["audits"][f"{paint}-contentful-paint"]["numericValue"] / 1000 for paint in ("first", "largest"))
        print(f"{name:<10}" + "".join(f"{score(told[category], category):>16}" for category in LEAST), end="")
        print("{:>12.1f} s{:>8.1f} s".format(*times), flush=True)
        for category, report in told.items():
            if score(report, category) < LEAST[category]:
                high_enough = False
                print(f"  {category} is below {LEAST[category]}")
            for fault in faults(report, category):
                print(f"  - {fault}")
    print(f"\nAsked for: {', '.join(f'{category} {least}' for category, least in LEAST.items())}. Reports: {REPORTS}")
    return high_enough


def main() -> int:
    """Returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--language", choices=("fr", "en"), default="fr")
    parser.add_argument("--runs", type=int, default=3, help="how often each page is looked at")
    asked = parser.parse_args()
    REPORTS.mkdir(parents=True, exist_ok=True)
    for ending in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(ending, lambda *_: sys.exit(1))
    with tempfile.TemporaryDirectory() as folder, served_demonstration(Path(folder)) as address:
        return 0 if judge(address, asked.language, asked.runs) else 1


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
