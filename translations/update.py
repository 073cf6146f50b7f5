"""Gather every visible text and its translation into the catalogues: `make translations`.

French is the language of the sources. The English of each text is in translations/en.d/<package>.json: French text to
English text, or to [singular, plural] for counted texts. From them come en/LC_MESSAGES/messages.po, and
fr/LC_MESSAGES/messages.po, which holds counted texts (in French, zero is singular) and those that `with_french_spaces`
changes: sources have the space that is on a keyboard, people read the one that keeps a sign with its word.
"""

from __future__ import annotations

import io
import json
import re
import sys
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path

from babel.messages.catalog import Catalog, Message
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import write_po

from foundation.catalogues import compile_catalogues

FOLDER = Path(__file__).parent
ROOT = FOLDER.parent
KEYWORDS = {
    "_": None,
    "gettext": None,
    "lazy_gettext": None,
    "_l": None,
    "N_": None,
    "Words": None,
    "ngettext": (1, 2),
    "lazy_ngettext": (1, 2),
}
METHODS = [("**.py", "python"), ("**.html", "jinja2"), ("**.txt", "jinja2"), ("**.xml", "jinja2")]
# A date that does not move: the catalogue changes when its texts do.
WRITTEN_ON = datetime(2026, 11, 22, tzinfo=UTC)
PLACEHOLDER = re.compile(r"%\(\w+\)[sd]")
# The rule of the Imprimerie nationale, docs/interface.md. The sign of a percentage is not the one of a placeholder.
THIN = re.compile(r" (?=[;?!])")
WHOLE = re.compile(r" (?=[:€»]|%(?![(\w]))|(?<=«) ")

Texts = str | tuple[str, str]
Written = str | list[str]


def visible_texts() -> dict[Texts, list[str]]:
    """Every text marked for translation, with the files it is in. Counted texts are (singular, plural)."""
    found: dict[Texts, list[str]] = {}
    folders = [path.parent for path in ROOT.glob("*/__init__.py") if path.parent.name not in ("tests", "translations")]
    for folder in sorted([*folders, ROOT / "templates"]):
        for name, _, text, _, _ in extract_from_dir(folder, METHODS, keywords=KEYWORDS):
            place = f"{folder.name}/{name}"
            if place not in found.setdefault(text, []):
                found[text].append(place)
    return found


def english() -> tuple[dict[str, Written], list[str]]:
    """The English of each French text, and what is wrong in the files it comes from."""
    known: dict[str, Written] = {}
    wrong: list[str] = []
    for file in sorted((FOLDER / "en.d").glob("*.json")):
        for french, translation in json.loads(file.read_text()).items():
            if known.get(french, translation) != translation:
                wrong.append(f"{file.name}: {french!r} is translated otherwise in another file")
            known[french] = translation
    return known, wrong


def faults(texts: dict[Texts, list[str]], known: dict[str, Written]) -> Iterator[str]:
    """What keeps a language from being complete, a line each."""
    for text, places in sorted(texts.items(), key=str):
        singular = text if isinstance(text, str) else text[0]
        translation = known.get(singular)
        place = places[0]
        if translation is None or not all([translation] if isinstance(translation, str) else translation):
            yield f"{place}: {singular!r} has no English"
        elif isinstance(text, str) != isinstance(translation, str):
            yield f"{place}: {singular!r} must be translated by " + (
                "one text" if isinstance(text, str) else "[singular, plural]"
            )
        elif isinstance(text, str) and isinstance(translation, str):
            if set(PLACEHOLDER.findall(text)) != set(PLACEHOLDER.findall(translation)):
                yield f"{place}: {singular!r} and {translation!r} have different placeholders"
        elif set(PLACEHOLDER.findall(text[1])) != set(PLACEHOLDER.findall(translation[1])):
            yield f"{place}: {text[1]!r} and {translation[1]!r} have different placeholders"


def with_french_spaces(text: str) -> str:
    """The text as French people read it: no line begins with one of its signs, or ends with an opening one."""
    return WHOLE.sub("\N{NO-BREAK SPACE}", THIN.sub("\N{NARROW NO-BREAK SPACE}", text))


def as_shown(texts: Iterable[Texts]) -> dict[Texts, Texts]:
    """What the French catalogue holds: counted texts, and the others where they are not shown as they are written."""
    found: dict[Texts, Texts] = {}
    for text in texts:
        if not isinstance(text, str):
            found[text] = (with_french_spaces(text[0]), with_french_spaces(text[1]))
        elif (shown := with_french_spaces(text)) != text:
            found[text] = shown
    return found


def catalogue(locale: str, messages: dict[Texts, Texts]) -> bytes:
    """A .po file, the same bytes for the same texts."""
    made = Catalog(
        locale=locale,
        project="Palmarès",
        version="0.1",
        copyright_holder="the authors of Palmarès",
        creation_date=WRITTEN_ON,
        revision_date=WRITTEN_ON,
        last_translator="the authors of Palmarès",
        language_team=locale,
        fuzzy=False,
    )
    made.header_comment = f"# Palmarès, {locale}. Made by `make translations`; edit translations/en.d instead."
    for text, translation in sorted(messages.items(), key=str):
        made[text] = Message(text, translation, flags=["python-format"] if PLACEHOLDER.search(str(text)) else [])
    out = io.BytesIO()
    write_po(out, made, width=110, sort_output=True)
    # The version of the tool is nobody's translation.
    return re.sub(rb'"Generated-By: [^\n]*\n', b"", out.getvalue())


def catalogues(texts: dict[Texts, list[str]], known: dict[str, Written]) -> dict[Path, bytes]:
    """The .po files as they should be. Texts that only en.d knows are kept: some are put together in the code."""
    messages: dict[Texts, Texts] = {}
    counted = {text[0]: text for text in texts if not isinstance(text, str)}
    for french, translation in known.items():
        if isinstance(translation, str):
            messages[french] = translation
        elif french in counted:
            messages[counted[french]] = (translation[0], translation[1])
    return {
        FOLDER / "en/LC_MESSAGES/messages.po": catalogue("en", messages),
        FOLDER / "fr/LC_MESSAGES/messages.po": catalogue("fr", as_shown([*texts, *messages])),
    }


def main() -> int:
    """Write the catalogues and compile them; 1 when a text is missing."""
    texts = visible_texts()
    known, wrong = english()
    for path, content in catalogues(texts, known).items():
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists() or path.read_bytes() != content:
            path.write_bytes(content)
    compile_catalogues(FOLDER)
    missing = [*wrong, *faults(texts, known)]
    for line in missing:
        print(line, file=sys.stderr)
    print(f"{len(texts)} texts, {len(missing)} to mend")
    return 1 if missing else 0


if __name__ == "__main__":
    sys.exit(main())
