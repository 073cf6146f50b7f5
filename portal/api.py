"""For machines that watch over the product: is the process alive, is it ready, how is it doing. No personal data.

And for those that talk to it: the description of every address under /api/v1.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from flask import Blueprint, Response, current_app, g, jsonify, request
from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector
from sqlalchemy.exc import SQLAlchemyError

from foundation.database import db
from foundation.logs import log
from network.permissions import requires
from portal.queries import counts_for_metrics

blueprint = Blueprint("portal_api", __name__)

# What the packages say of their addresses for machines (paths and components of an OpenAPI document); app.py connects.
DESCRIPTIONS: Sequence[Callable[[], dict[str, Any]]] = ()

METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
OURS = CollectorRegistry()
REQUESTS = Counter("palmares_requests_total", "Answers given", ("endpoint", "method", "status"), registry=OURS)
SECONDS = Histogram("palmares_request_seconds", "Time taken to answer", ("endpoint",), registry=OURS)


@blueprint.before_app_request
def _start() -> None:
    g.started = time.perf_counter()


@blueprint.after_app_request
def _count(response: Response) -> Response:
    endpoint = request.endpoint or "none"
    method = request.method if request.method in METHODS else "OTHER"
    REQUESTS.labels(endpoint, method, str(response.status_code)).inc()
    if "started" in g:
        SECONDS.labels(endpoint).observe(time.perf_counter() - g.started)
    return response


@blueprint.get("/healthz")
@requires("public")
def healthz() -> Response:
    """The process answers."""
    return jsonify(status="ok")


@blueprint.get("/readyz")
@requires("public")
def readyz() -> tuple[Response, int]:
    """The database is reachable and its schema is the one this program was written for; 503 otherwise."""
    try:
        with db.engine.connect() as connection:
            found = set(MigrationContext.configure(connection).get_current_heads())
    except SQLAlchemyError as error:
        log("ready").error("database unreachable", error=type(error).__name__)
        return jsonify(status="unavailable", database="unreachable"), 503
    if found != _newest(Path(current_app.root_path) / "migrations"):
        return jsonify(status="unavailable", database="ok", schema="run flask db upgrade"), 503
    return jsonify(status="ok", database="ok", schema="current"), 200


@cache
def _newest(folder: Path) -> frozenset[str]:
    """The last migrations of the program."""
    config = Config()
    config.set_main_option("script_location", str(folder))
    return frozenset(ScriptDirectory.from_config(config).get_heads())


@blueprint.get("/api/v1/openapi.json")
@requires("public")
def openapi() -> Response:
    """What the API takes and answers, as OpenAPI 3.1."""
    answer = jsonify(description())
    answer.headers["Cache-Control"] = "public, max-age=300"
    return answer


def description() -> dict[str, Any]:
    """The description of every address under /api/v1, put together from those of the packages."""
    document: dict[str, Any] = {
        "openapi": "3.1.0",
        "info": {
            "title": "Palmarès",
            "version": "1",
            "description": "Declare sales for the person whose personal token comes with the call, and read them back;"
            " and what a provider of rewards tells. Explanations follow Accept-Language (fr, en).",
        },
        "servers": [{"url": current_app.config["SETTINGS"].base_url}],
        "paths": {},
        "components": {"securitySchemes": {}, "schemas": {}},
    }
    for described in DESCRIPTIONS:
        part = described()
        document["paths"] |= part["paths"]
        for name, parts in part["components"].items():
            document["components"][name] |= parts
    return document


@blueprint.get("/metrics")
@requires("public")
def metrics() -> Response:
    """Counts for Prometheus (docs/operations.md says how to keep them to oneself)."""
    registry = OURS
    if os.environ.get("PROMETHEUS_MULTIPROC_DIR"):
        registry = CollectorRegistry()
        MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    try:
        stored = CollectorRegistry()
        stored.register(_Stored())
        text = generate_latest(registry) + generate_latest(stored)
    except SQLAlchemyError:
        text = generate_latest(registry)
    return Response(text, content_type=CONTENT_TYPE_LATEST)


class _Stored(Collector):
    """What the database knows: declarations received, and how the jobs fare."""

    def describe(self) -> list[Metric]:
        """Nothing is read before it is asked for."""
        return []

    def collect(self) -> Iterator[Metric]:
        """One reading."""
        declarations, jobs = counts_for_metrics()
        received = GaugeMetricFamily("palmares_declarations", "Declarations received, by status", labels=["status"])
        for status, count in declarations:
            received.add_metric([status], count)
        yield received
        finished = GaugeMetricFamily("palmares_job_finished_seconds", "When a job last finished", labels=["job"])
        failed = GaugeMetricFamily("palmares_job_failed", "1 when a job's last run failed", labels=["job"])
        for name, at, outcome in jobs:
            finished.add_metric([name], at.timestamp())
            failed.add_metric([name], 1 if outcome.startswith("failed") else 0)
        yield finished
        yield failed
