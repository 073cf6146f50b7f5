"""Proves, without Node, that static/palmares.css was built from what is in the tree.

The stylesheet depends on three things: the sources in styles/, the versions in package.json and
the class names that templates and scripts use. `classes` writes the sorted list of those class
names, which is all that Tailwind is given to look at; `stamp` writes the SHA-256 of the three into
the first line of the compiled stylesheet; `check` compares (exit 1 when `make css` is needed).
"""

from __future__ import annotations

import hashlib
import re
import sys
from pathlib import Path

STYLES = Path(__file__).resolve().parent
ROOT = STYLES.parent
STYLESHEET = ROOT / "static" / "palmares.css"
CLASSES = STYLES / "classes.txt"
MARK = "/*! palmares inputs sha256:"

# A template names classes in class attributes and in string literals handed to macros or set as variables.
_COMMENT = re.compile(r"\{#.*?#\}|<!--.*?-->", re.S)
_STRING = r"""("[^"]*"|'[^']*')"""
_TRANSLATED = re.compile(rf"\b(?:_|gettext|ngettext|url_for|asset_url)\(\s*{_STRING}(\s*,\s*{_STRING})?")
_EXPRESSIONS = r"\{(?!\{|%)|\{\{.*?\}\}|\{%.*?%\}"
_ATTRIBUTE = re.compile(
    rf"""\bclass\s*=\s*("(?:[^"{{]|{_EXPRESSIONS})*"|'(?:[^'{{]|{_EXPRESSIONS})*')""",
    re.S,
)
_JINJA = re.compile(r"\{\{.*?\}\}|\{%.*?%\}", re.S)
_LITERAL = re.compile(r""""([^"\n]*)"|'([^'\n]*)'|`([^`]*)`""")
_TOKEN = re.compile(r"^-?[a-z@\[][a-z0-9@:/.\[\]()%#,&>_*!+=-]*$")


def _tokens(text: str) -> set[str]:
    """The words of `text` that can be class names."""
    return {word for word in text.split() if len(word) < 60 and _TOKEN.match(word)}


def classes_of_template(source: str) -> set[str]:
    """Every class name a Jinja template may put in its output."""
    source = _TRANSLATED.sub(" ", _COMMENT.sub(" ", source))
    found: set[str] = set()
    for match in _ATTRIBUTE.finditer(source):
        found |= _tokens(_JINJA.sub(" ", match.group(1)[1:-1]))
    for block in _JINJA.findall(source):
        for literal in _LITERAL.findall(block):
            found |= _tokens(" ".join(literal))
    return found


def classes_of_script(source: str) -> set[str]:
    """Every class name a script may set: any string literal counts."""
    found: set[str] = set()
    for literal in _LITERAL.findall(source):
        found |= _tokens(" ".join(literal))
    return found


def used_classes(root: Path = ROOT) -> list[str]:
    """The sorted class names of all templates and of our own scripts."""
    found: set[str] = set()
    for path in (root / "templates").rglob("*.html"):
        found |= classes_of_template(path.read_text(encoding="utf-8"))
    for path in (root / "static" / "js").rglob("*.js"):
        found |= classes_of_script(path.read_text(encoding="utf-8"))
    return sorted(found)


def fingerprint(root: Path = ROOT) -> str:
    """SHA-256, in hex, of everything the stylesheet is made from."""
    digest = hashlib.sha256()
    for path in sorted((root / "styles").glob("*.css")) + [root / "styles" / "package.json"]:
        digest.update(path.name.encode() + b"\0" + path.read_bytes().replace(b"\r\n", b"\n") + b"\0")
    digest.update("\n".join(used_classes(root)).encode())
    return digest.hexdigest()


def stamped(stylesheet: Path = STYLESHEET) -> str:
    """The fingerprint written in the first line of the compiled stylesheet, or an empty string."""
    first = stylesheet.read_text(encoding="utf-8").split("\n", 1)[0]
    return first[len(MARK) :].split("*/")[0].strip() if first.startswith(MARK) else ""


def main(arguments: list[str]) -> int:
    """Runs `classes`, `stamp` or `check`; returns the exit status."""
    match arguments:
        case ["classes"]:
            CLASSES.write_text("\n".join(used_classes()) + "\n", encoding="utf-8")
        case ["stamp"]:
            compiled = STYLESHEET.read_text(encoding="utf-8")
            if compiled.startswith(MARK):
                compiled = compiled.split("\n", 1)[1]
            STYLESHEET.write_text(f"{MARK}{fingerprint()} */\n{compiled}", encoding="utf-8")
        case ["check"]:
            if stamped() != fingerprint():
                print("static/palmares.css is older than the templates, scripts or styles: run `make css`")
                return 1
        case _:
            print("usage: fingerprint.py classes|stamp|check", file=sys.stderr)
            return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
