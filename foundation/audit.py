"""The audit trail: who did what, when. Written by operations, inside their transaction."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import insert

from foundation.database import db
from foundation.models import AuditEntry

SYSTEM = "system"


def record(act: str, subject: str, *, by: str, at: datetime, **details: Any) -> None:
    """Write one audit entry. `by` is a person's code or "system"; details hold no personal data."""
    db.session.execute(insert(AuditEntry).values(at=at, by=by, act=act, subject=subject[:200], details=details))
