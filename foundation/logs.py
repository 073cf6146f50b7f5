"""Structured logs on standard error, without personal data: codes and numbers only."""

from __future__ import annotations

import logging
import os
import sys

import structlog
from flask import Flask


def configure(app: Flask) -> None:
    """One line per event; JSON when the output is not a terminal and PALMARES_LOG=json."""
    as_json = os.environ.get("PALMARES_LOG") == "json"
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer()
            if as_json
            else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty()),
        ],
        logger_factory=_to_standard_error,
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        cache_logger_on_first_use=False,
    )
    app.logger.setLevel(logging.INFO)


def _to_standard_error(*_: object) -> structlog.PrintLogger:
    """Where standard error goes now, not where it went when the application was built."""
    return structlog.PrintLogger(sys.stderr)


def log(name: str) -> structlog.stdlib.BoundLogger:
    """A logger that carries the name of its place."""
    return structlog.get_logger(place=name)
