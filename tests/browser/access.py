"""What the accessibility checker (axe-core) finds on the page that is open, as everybody may meet it: on a phone and on
a desk, by day and by night."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import axe_playwright_python
from playwright.sync_api import Page

from tests.browser.conftest import PHONE

AXE = (Path(axe_playwright_python.__file__).parent / "axe.min.js").read_text(encoding="utf-8")
DESK = {"width": 1440, "height": 900}
LOOKS = ((PHONE, "palmares"), (PHONE, "palmares-dark"), (DESK, "palmares-dark"), (DESK, "palmares"))
# The checker, and nothing that moves: a colour on its way from one theme to the other is neither.
BRING = f"""() => {{
    if ("axe" in window) return;
    {AXE};
    const still = new CSSStyleSheet();
    still.replaceSync("*, ::before, ::after {{ transition: none !important; animation: none !important; }}");
    document.adoptedStyleSheets.push(still);
}}"""
CHECK = """async ([theme, options]) => {
    document.documentElement.dataset.theme = theme;
    const { violations } = await axe.run(document, options);
    return violations.map(({ id, help, nodes }) => [id, help, nodes.slice(0, 5).map((node) => node.target.join(" "))]);
}"""


# A theme is colours alone (tests/test_stylesheet.py), and no language changes a colour: what the rules find depends on
# the size with the theme, and on the size with the language, never on all three. A page that is looked at in both
# languages meets each size in each of them, and each size in each theme in one of them. `make nightly` takes all eight.
SHARED = {"fr": (0, 2), "en": (1, 3)}


def violations(page: Page, *, again_in_the_other_language: bool = False) -> Iterator[str]:
    """What breaks any of the checker's rules, in both sizes and both themes; or, of a page that is looked at again in
    the other language, in both sizes with the theme that the other has not.

    Stylesheets are the same in all: the rules that read them do so once.
    """
    page.evaluate(BRING)
    shared = again_in_the_other_language and "PALMARES_EVERY_LOOK" not in os.environ
    chosen = SHARED[page.locator("html").get_attribute("lang") or ""] if shared else range(len(LOOKS))
    for number in chosen:
        size, theme = LOOKS[number]
        page.set_viewport_size(size)
        options: dict[str, Any] = {"reporter": "no-passes", "preload": number == chosen[0]}
        for rule, why, where in page.evaluate(CHECK, [theme, options]):
            yield f"{size['width']} px, {theme}: {rule} ({why}): {'; '.join(where)}"
