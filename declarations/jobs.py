"""What the clock does to sales: photos that no sale has named are let go."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from flask import current_app

from declarations.photos import forget_unused
from foundation.transactions import transaction

BATCH = 500


def forget_photos(at: datetime) -> Iterator[str]:
    """Let go of photos that stopped half way, and of whole ones that no sale has named."""
    folder = current_app.config["SETTINGS"].media_folder / "proofs"
    total = 0
    while True:
        with transaction():
            gone = forget_unused(at=at, folder=folder, most=BATCH)
        total += gone
        if gone < BATCH:
            break
    if total:
        yield f"{total} photos without a sale forgotten"
