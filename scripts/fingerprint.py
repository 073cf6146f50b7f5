"""Says whether the compiled scripts of static/ are what the sources of this folder make.

The first line of each compiled script holds a SHA-256 of the sources and of the locked versions. `stamp` writes it,
`check` compares.
"""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
MADE = tuple(
    ROOT / "static" / name for name in ("outbox.js", "outbox-pages.js", "outbox-meeting.js", "service-worker.js")
)
MARK = "/* palmares scripts "


def fingerprint(root: Path = ROOT) -> str:
    """SHA-256, in hex, of everything the scripts are made from."""
    digest = hashlib.sha256()
    for path in [*sorted((root / "scripts").glob("*.js")), *sorted((root / "scripts").glob("package*.json"))]:
        digest.update(path.name.encode() + b"\0" + path.read_bytes().replace(b"\r\n", b"\n") + b"\0")
    return digest.hexdigest()


def stamped(script: Path) -> str:
    """The fingerprint written in the first line of a compiled script, or an empty string."""
    first = script.read_text(encoding="utf-8").split("\n", 1)[0]
    return first[len(MARK) :].split("*/")[0].strip() if first.startswith(MARK) else ""


def main(arguments: list[str]) -> int:
    """Runs `stamp` or `check`; returns the exit status."""
    match arguments:
        case ["stamp"]:
            for script in MADE:
                script.write_text(f"{MARK}{fingerprint()} */\n{script.read_text(encoding='utf-8')}", encoding="utf-8")
        case ["check"]:
            if any(stamped(script) != fingerprint() for script in MADE):
                print("a script of static/ is older than its sources in scripts/: run `make scripts`")
                return 1
        case _:
            print("usage: fingerprint.py stamp|check", file=sys.stderr)
            return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
