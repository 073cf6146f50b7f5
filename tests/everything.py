"""Every check and test, one after the other, and how many ran where: `make test`.

A test that was skipped is a test that says nothing: it fails the run.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
import xml.etree.ElementTree as ElementTree
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "build" / "test-results"
OURS = ("PALMARES_", "DATABASE_URL", "REDIS_URL", "SECRET_KEY", "FLASK_")


@dataclass
class Stage:
    """One command of the run; `tests` are what it counted, or None when it is no test."""

    name: str
    command: list[str]
    environment: dict[str, str] = field(default_factory=dict)
    counts: bool = True
    failed: bool = False
    ran: int = 0
    broken: int = 0
    skipped: int = 0
    seconds: float = 0.0

    @property
    def report(self) -> Path:
        """Where the test runner writes what happened."""
        return RESULTS / f"{self.name.split()[0].lower()}.xml"

    def run(self) -> None:
        """Run the command, its output passing through, and read what it counted."""
        print(f"\n=== {self.name}", flush=True)
        started = time.monotonic()
        clean = {name: value for name, value in os.environ.items() if not name.startswith(OURS)}
        arguments = [f"--junitxml={self.report}"] if self.counts else []
        done = subprocess.run([*self.command, *arguments], cwd=ROOT, env=clean | self.environment)
        self.seconds = time.monotonic() - started
        self.failed = done.returncode != 0
        if self.counts and self.report.exists():
            for suite in ElementTree.parse(self.report).getroot().iter("testsuite"):
                tests, skipped = int(suite.get("tests", 0)), int(suite.get("skipped", 0))
                self.broken += int(suite.get("failures", 0)) + int(suite.get("errors", 0))
                self.skipped += skipped
                self.ran += tests - skipped
        if self.skipped:
            self.failed = True


def pytest(name: str, *arguments: str, engine: str) -> Stage:
    """A stage of tests on one engine."""
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *arguments]
    return Stage(name, command, {"PALMARES_TEST_ENGINE": engine})


def main() -> int:
    """Run every stage, also after one has failed, and tell how each went."""
    RESULTS.mkdir(parents=True, exist_ok=True)
    for old in RESULTS.glob("*.xml"):
        old.unlink()
    two = ("-n", "2", "--dist", "worksteal")  # who has nothing left takes from the other
    aside = (*two, "--ignore=tests/browser")
    stages = [
        Stage("lint", ["make", "--no-print-directory", "lint"], counts=False),
        pytest("SQLite", *aside, engine="sqlite"),
        pytest("PostgreSQL", *aside, engine="postgresql"),
        pytest("browser", *two, "tests/browser", engine="sqlite"),
    ]
    for stage in stages:
        stage.run()

    print("\n=== summary")
    for stage in stages:
        told = f"{stage.ran:5} tests ran, {stage.broken} failed, {stage.skipped} skipped" if stage.counts else ""
        outcome = "FAILED" if stage.failed else "passed"
        print(f"{stage.name:<12} {outcome}  {told}  ({stage.seconds:.0f} s)")
    broken = sum(max(stage.broken + stage.skipped, int(stage.failed)) for stage in stages)
    print(f"{sum(stage.ran - stage.broken for stage in stages)} passed, {broken} failed")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
