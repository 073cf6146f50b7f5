"""What can happen to insight: somebody takes it out. The people it comes from can be told who looked."""

from __future__ import annotations

from datetime import datetime

from foundation import audit
from insights.rules import Selection


def take_out(asked: Selection, form: str, *, by: str, at: datetime) -> None:
    """Remember that protected figures left the product as a file of this `form` (csv, xlsx, parquet)."""
    audit.record(
        "insights.exported",
        ",".join(asked.by),
        by=by,
        at=at,
        since=asked.since.isoformat(),
        until=asked.until.isoformat(),
        form=form,
    )
