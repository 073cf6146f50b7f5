"""What a browser downloads for the look: current, small, from nowhere else, and nothing inline."""

from __future__ import annotations

import gzip
import re
from pathlib import Path

import pytest
from fontTools.ttLib import TTFont

from styles import fingerprint

pytestmark = pytest.mark.any_engine

ROOT = Path(__file__).resolve().parent.parent
STATIC = ROOT / "static"
TEMPLATES = sorted((ROOT / "templates").rglob("*.html"))


def compressed(path: Path) -> int:
    """Bytes on the wire; fonts are compressed already."""
    content = path.read_bytes()
    return len(content) if path.suffix == ".woff2" else len(gzip.compress(content, 9))


def test_the_stylesheet_was_compiled_from_the_present_templates_and_sources() -> None:
    assert fingerprint.stamped() == fingerprint.fingerprint(), "run `make css` and commit static/palmares.css"


def test_the_first_visit_of_a_reseller_downloads_little() -> None:
    stylesheet = compressed(STATIC / "palmares.css")
    assert stylesheet <= 20_000
    everything = [STATIC / "icons.svg", STATIC / "mark.svg", *STATIC.glob("fonts/*.woff2")]
    everything += [*STATIC.glob("vendor/htmx.min.js"), *STATIC.glob("js/*.js"), STATIC / "outbox.js"]
    assert stylesheet + sum(map(compressed, everything)) <= 90_000, "leaves 30 kB for the page itself"


def test_a_theme_is_colours_alone() -> None:
    """What is seen and how large it is does not depend on the theme: tests/browser/access.py counts on it."""
    css = (STATIC / "palmares.css").read_text(encoding="utf-8")
    said: dict[str, dict[str, str]] = {"palmares": {}, "palmares-dark": {}}
    on_paper = (":root", ":root[data-theme]")
    for selectors, body in re.findall(r"([^{};]*data-theme[^{}]*)\{([^{}]*)\}", css):
        declared = dict(one.split(":", 1) for one in body.split(";") if one)
        named = re.findall(r"\[data-theme=[\"']?([\w-]+)", selectors)
        if not named:
            night = selectors == ":root:not([data-theme])"  # as the device wishes
            assert night or tuple(selectors.split(",")) == on_paper, selectors
            named = ["palmares-dark"] if night else []
        for theme in named:
            said[theme].update(declared)
    day, night = ({name: as_seen(value) for name, value in one.items()} for one in said.values())
    only_of_the_day = {name: value for name, value in day.items() if name not in night}
    assert night.items() <= day.items()
    assert set(only_of_the_day.values()) <= {"a colour"}


def as_seen(value: str) -> str:
    """What a declaration is, where one colour is as good as the other."""
    return "a colour" if value in ("light", "dark") or re.fullmatch(r"#[0-9a-f]{3,8}", value) else value


@pytest.mark.parametrize("path", sorted(STATIC.glob("fonts/*.woff2")), ids=lambda path: path.stem)
def test_a_font_has_the_spaces_of_french(path: Path) -> None:
    font = TTFont(path)
    glyphs = font.getBestCmap()
    space, whole, narrow = (font["hmtx"][glyphs[ord(one)]][0] for one in " \u00a0\u202f")
    assert whole == space
    assert space / 3 < narrow < space * 2 / 3


def test_the_stylesheet_asks_nothing_of_another_host() -> None:
    for address in re.findall(r"url\(([^)]*)\)", (STATIC / "palmares.css").read_text(encoding="utf-8")):
        assert address.strip("\"'").startswith("fonts/"), address


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_template_holds_no_inline_style_or_script(path: Path) -> None:
    if "mail" in path.parts:
        return
    source = re.sub(r"\{#.*?#\}", "", path.read_text(encoding="utf-8"), flags=re.S)
    assert not re.search(r"\sstyle\s*=", source)
    assert not re.search(r"<style", source)
    assert not re.search(r"\son[a-z]+\s*=\s*[\"']", source)
    for script in re.findall(r"<script\b[^>]*>", source):
        assert "src=" in script or 'type="application/json"' in script, script


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_icon_named_by_a_template_is_in_the_sprite(path: Path) -> None:
    known = set(re.findall(r'<symbol id="([^"]+)"', (STATIC / "icons.svg").read_text(encoding="utf-8")))
    source = re.sub(r"\{#.*?#\}", "", path.read_text(encoding="utf-8"), flags=re.S)
    named = re.findall(r"""\bicon\(\s*["']([^"']+)["']|\bicon\s*=\s*["']([^"']+)["']""", source)
    assert {first or second for first, second in named} <= known
