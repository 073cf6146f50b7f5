"""Translation catalogues: .po is what people write, .mo is what the product reads, made from it when it is older."""

from __future__ import annotations

import os
import tempfile
from contextlib import suppress
from pathlib import Path

from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po


def compile_catalogues(folder: Path) -> None:
    """Make every translations/<locale>/LC_MESSAGES/messages.mo that is missing or older than its .po.

    As Python does with its .pyc: an installed product has them already, a checkout makes them at its first start. Where
    the folder cannot be written they are left as they are.
    """
    for source in folder.glob("*/LC_MESSAGES/*.po"):
        target = source.with_suffix(".mo")
        if target.exists() and target.stat().st_mtime_ns >= source.stat().st_mtime_ns:
            continue
        with suppress(PermissionError):
            with source.open("rb") as written:
                catalogue = read_po(written, locale=source.parts[-3])
            # Several processes may start at once: each writes its own file and puts it in place whole.
            handle, being_made = tempfile.mkstemp(dir=source.parent, suffix=".mo-part")
            with os.fdopen(handle, "wb") as file:
                write_mo(file, catalogue)
            os.chmod(being_made, 0o644)
            os.replace(being_made, target)
